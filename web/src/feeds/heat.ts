/** How much of each feed the others have, too. */

import { el } from "../dom.ts";
import { overlaps, percent } from "./figures.ts";
import type { Feed } from "./value.ts";

export function heat(table: HTMLTableElement, feeds: readonly Feed[]): readonly string[] {
  const { names, shares, apart } = overlaps(feeds);
  const heads = names.map((name) => el("th", { scope: "col" }, el("span", {}, name)));
  const rows = names.map((name, i) => el("tr", {}, el("th", { scope: "row" }, name),
    ...names.map((other, j) => cell(name, other, shares[i][j]))));
  table.replaceChildren(el("thead", {}, el("tr", {}, el("td"), ...heads)), el("tbody", {}, ...rows));
  table.hidden = names.length === 0;
  return apart;
}

function cell(name: string, other: string, share: number | null): HTMLElement {
  if (share === null) return el("td", { class: "same", "aria-label": "itself" });
  const made = el("td", { title: `${other} has ${percent(share)} of ${name}` }, share === 0 ? "" : short(share));
  made.style.setProperty("--heat", share.toFixed(3));
  return made;
}

/** Whole per cent without the sign: the cell is small, its title says it all. */
const short = (share: number): string => (share < 0.01 ? "<1" : share > 0.99 && share < 1 ? ">99" : String(Math.round(100 * share)));
