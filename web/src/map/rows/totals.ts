/** How many rows are shown, in figures and for those who listen. */

import { part } from "../../dom.ts";
import * as format from "../../format.ts";
import type { Tally } from "../shell/panel.ts";

export function showTotals(tallies: readonly Tally[], loaded: boolean): void {
  const rows = tallies.reduce((sum, { rows }) => sum + rows, 0);
  const unlocated = tallies.reduce((sum, { unlocated }) => sum + unlocated, 0);
  part("total").textContent = loaded ? format.count(rows) : "–";
  part("total-note").textContent = `${rows === 1 ? "row" : "rows"} shown`
    + (unlocated ? `, ${format.count(unlocated)} unlocated` : "");
  const spoken = `${format.rows(rows)} shown.`;
  if (document.documentElement.hasAttribute("data-playing")) return; // nobody listens to sixty figures a second
  if (loaded && part("live").textContent !== spoken) part("live").textContent = spoken;
}
