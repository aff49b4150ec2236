/** The rows of a feed in 30 days, as a small curve. */

import { shape } from "../dom.ts";
import * as format from "../format.ts";
import { curve } from "./figures.ts";
import type { Feed } from "./value.ts";

const BOX = { width: 120, height: 26 };

export function spark({ history, feed }: Feed): SVGElement {
  const { line, area, dots, refused } = curve(history.volume, history.refused, BOX.width, BOX.height);
  const drawing = shape("svg", { viewBox: `0 -2 ${BOX.width} ${BOX.height + 4}`, preserveAspectRatio: "none", class: "spark", role: "img" });
  drawing.setAttribute("aria-label", spoken(feed, history));
  drawing.append(shape("path", { class: "floor", d: `M0 ${BOX.height}H${BOX.width}` }));
  if (line) drawing.append(shape("path", { class: "area", d: area }), shape("path", { class: "line", d: line }));
  drawing.append(...dots.map(([x, y]) => shape("rect", { class: "dot", x: Math.max(0, x - 3), y, width: 3, height: Math.max(2, BOX.height - y) })));
  drawing.append(...refused.map((x) => shape("rect", { class: "refused", x: Math.min(x, BOX.width - 2), y: -2, width: 2, height: BOX.height + 2 })));
  return drawing;
}

function spoken(feed: string, { volume, quarantined }: Feed["history"]): string {
  const rows = volume.filter((some) => some !== null);
  if (rows.length === 0) return `${feed}: no rows in 30 days`;
  const held = quarantined === 0 ? "" : `; ${format.count(quarantined)} fetches in quarantine`;
  return `${feed}: from ${format.count(Math.min(...rows))} to ${format.rows(Math.max(...rows))} in 30 days, last ${format.count(rows[rows.length - 1])}${held}`;
}
