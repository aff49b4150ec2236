/** Small drawings, each with its words for those who do not see it. */

import { el, shape } from "../dom.ts";
import * as format from "../format.ts";
import { folded, isolated } from "../pieces.ts";
import type { Counts, Target } from "./contract.ts";
import { bars, churned, quota, type Bar } from "./figures.ts";

const SHOWN = 6; // bars of a list, before the others are folded away

/** A bar for each name, against the longest. `keep` names what is folded away. */
export function barList(counts: Counts, name: (name: string) => string, keep: string): HTMLElement[] {
  if (counts.length === 0) return [el("p", { class: "facts" }, "None.")];
  const most = Math.max(...counts.map(([, count]) => count));
  const items = counts.map(([one, count]) => el("li", {},
    el("span", { class: "named" }, isolated(name(one))), el("span", { class: "number" }, format.count(count)), filled(count / most)));
  return folded(items, SHOWN, keep, (some) => el("ul", { class: "bars" }, ...some));
}

/** A bar of which this share is full, 0 to 1. */
export function filled(share: number, kind = ""): HTMLElement {
  const bar = el("span", { class: `fill ${kind}`, "aria-hidden": "true" });
  bar.style.setProperty("--share", Math.min(1, Math.max(0, share)).toFixed(4));
  return bar;
}

/** Who has the places: one bar, and below it what its parts are. */
export function quotaBar(target: Target): HTMLElement[] {
  const segments = quota(target);
  if (segments.length === 0) return [el("p", { class: "facts" }, `${format.count(target.held)} held; no limit.`)];
  const bar = el("div", { class: "quota", "aria-hidden": "true" }, ...segments.map(({ kind, share }) => {
    const part = el("span", { class: kind });
    part.style.setProperty("--share", share.toFixed(4));
    return part;
  }));
  const key = segments.map(({ name, kind, count }) => el("li", { class: kind }, el("strong", {}, format.count(count)), ` ${name}`));
  return [bar, el("ul", { class: "key", "aria-label": "Places" }, ...key, el("li", { class: "all" }, `of ${format.count(target.limit)}`))];
}

const SCORES = { width: 220, height: 56 };

export function scores(target: Target): HTMLElement {
  const told = target.scores.map((count, at) => [`${10 * at} to ${10 * at + 10}`, count] as const);
  const drawn = bars(target.scores, SCORES.width, SCORES.height);
  const label = `Scores: ${told.filter(([, count]) => count > 0).map(([range, count]) => `${range}: ${format.count(count)}`).join(", ") || "none"}`;
  const svg = drawing(SCORES, label, ...drawn.map((bar, at) => rect(bar, "bar", `${told[at][0]}: ${format.count(told[at][1])}`)),
    shape("path", { class: "floor", d: `M0 ${SCORES.height}H${SCORES.width}` }));
  return el("figure", {}, svg, el("p", { class: "scale", "aria-hidden": "true" }, ...["0", "50", "100"].map((at) => el("span", {}, at))));
}

const CHURN = { width: 480, height: 72 };

export function churn({ churn: hours, churnLimit, postponed }: Target): HTMLElement[] {
  const sum = (of: (one: (typeof hours)[number]) => number): number => hours.reduce((all, one) => all + of(one), 0);
  const limit = churnLimit === 0 ? "" : `; at most ${format.count(churnLimit)} changes an hour`;
  const text = `${format.count(sum(({ added }) => added))} in, ${format.count(sum(({ removed }) => removed))} out${limit}`;
  if (hours.length === 0) return [el("p", { class: "facts" }, "Nothing is known of it.")];
  const { floor, hours: drawn } = churned(hours, churnLimit, CHURN.width, CHURN.height);
  const parts = drawn.flatMap(({ added, removed, full }, at) => {
    const said = `${hour(hours[at].hour)}: ${format.count(hours[at].added)} in, ${format.count(hours[at].removed)} out`;
    return [rect(added, `in${full ? " full" : ""}`, said), rect(removed, `out${full ? " full" : ""}`, said)];
  });
  const svg = drawing(CHURN, `Hour by hour: ${text}`, ...parts, shape("path", { class: "floor", d: `M0 ${floor}H${CHURN.width}` }));
  const scale = el("p", { class: "scale", "aria-hidden": "true" }, el("span", {}, hour(hours[0].hour)), el("span", {}, hour(hours[hours.length - 1].hour)));
  const late = postponed === 0 ? "" : ` ${format.count(postponed)} more ${postponed === 1 ? "waits" : "wait"} for later runs.`;
  return [el("figure", {}, svg, scale), el("p", { class: "facts" }, `${text}.${late}`)];
}

const hour = (iso: string | null): string => (iso === null ? "–" : `${format.day(Date.parse(iso))} ${format.clock(Date.parse(iso)).slice(0, 5)}`);

const drawing = ({ width, height }: typeof SCORES, label: string, ...parts: SVGElement[]): SVGElement =>
  shape("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", class: "chart", role: "img", "aria-label": label }, ...parts);

const rect = ({ x, y, width, height }: Bar, kind: string, said: string): SVGElement =>
  shape("rect", { class: kind, x, y, width, height }, shape("title", {}, said));
