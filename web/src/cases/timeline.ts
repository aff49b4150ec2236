/** When the case was where, and for how long. */

import { el } from "../dom.ts";
import * as format from "../format.ts";
import type { Case } from "./api.ts";
import { lasted, rounds, type Round, type Step } from "./figures.ts";
import { stage } from "./words.ts";

const MOST = 3; // rounds that are shown at once: the first and the last ones

/** What the timeline depends on: as long as a case is open, on the time, too. */
export const timelineOf = ({ entered }: Case, now: number): Round[] => rounds(entered, now);

export function timeline(found: readonly Round[]): HTMLElement[] {
  if (found.length <= MOST) return found.map(round);
  const hidden = found.slice(1, 1 - MOST);
  return [
    round(found[0]),
    el("details", { "data-keep": "rounds" }, el("summary", { "data-focus": "rounds" }, `${hidden.length} more times it went on`), ...hidden.map(round)),
    ...found.slice(1 - MOST).map(round),
  ];
}

function round({ steps, took, rested }: Round): HTMLElement {
  const ended = steps.some(({ took: length }) => length === null);
  const all = rested === null
    ? `${ended ? "All in" : "For"} ${lasted(took)}`
    : `${lasted(rested)} later, ${ended ? "in" : "for"} ${lasted(took)}`;
  return el("div", { class: "round" }, el("p", { class: "facts" }, all), el("ol", { class: "steps" }, ...steps.map(step)));
}

function step({ stage: name, at, took, share, running }: Step): HTMLElement {
  const { word, tone } = stage(name);
  const bar = el("span", { class: "track", "aria-hidden": "true" });
  bar.style.setProperty("--share", share.toFixed(4));
  const length = took === null ? "" : running ? `since ${lasted(took)}` : lasted(took);
  return el("li", { class: `${tone} ${running ? "running" : ""}`, "aria-current": running ? "step" : false }, bar,
    el("strong", {}, word), el("span", { class: "small" }, length),
    el("time", { class: "small", datetime: at, title: at }, format.clock(Date.parse(at))));
}
