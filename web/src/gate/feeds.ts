/** How each feed fares: a line for each, and all of it on the page of the feeds. */

import { el } from "../dom.ts";
import * as format from "../format.ts";
import { health, percent, sorted, WORDS } from "../feeds/figures.ts";
import { spark } from "../feeds/spark.ts";
import type { Feed, Value } from "../feeds/value.ts";
import { badge, isolated } from "../pieces.ts";
import { plain } from "../text.ts";
import { shared } from "./figures.ts";

const HEADS = ["Feed", "Health", "Rows, 30 days", "Indicators", "Shared", "Unique", "Precision", "Advice"];

export function feeds({ at, feeds: all }: Value): HTMLElement {
  const rows = sorted(all, "advice", false).map((feed) => row(feed, Date.parse(at)));
  return el("table", { class: "lines", role: "table" },
    el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, ...HEADS.map((head) => el("th", { scope: "col", role: "columnheader" }, head)))),
    el("tbody", { role: "rowgroup" }, ...rows));
}

function row(feed: Feed, now: number): HTMLElement {
  const answered = feed.fetched === null ? "never answered" : format.ago(now - Date.parse(feed.fetched));
  const cells: [head: string, ...content: (Node | string)[]][] = [
    ["Health", badge(health(feed)), el("span", { class: "small" }, ` ${answered}`)], ["Rows", spark(feed)],
    ["Indicators", format.count(feed.contribution.indicators)], ["Shared", percent(shared(feed))], ["Unique", percent(feed.contribution.unique_share)],
    ["Precision", percent(feed.precision ?? null), ...measured(feed)], ["Advice", WORDS[feed.advice]],
  ];
  return el("tr", { role: "row", "data-feed": feed.feed }, el("th", { scope: "row", role: "rowheader" }, isolated(plain(feed.feed))),
    ...cells.map(([head, ...content]) => el("td", { role: "cell", class: head.toLowerCase(), "data-head": head }, ...content)));
}

/** What the precision was measured on. */
function measured({ hits, false_positives: wrong }: Feed): HTMLElement[] {
  if ((hits ?? 0) + (wrong ?? 0) === 0) return [];
  return [el("span", { class: "small" }, ` ${format.count(hits ?? 0)} hits, ${format.count(wrong ?? 0)} wrong`)];
}
