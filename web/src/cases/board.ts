/** What stands above a case: how fresh all is, the counts, and the list with its search. */

import { el, part } from "../dom.ts";
import * as format from "../format.ts";
import { Freshness } from "../freshness.ts";
import { Part } from "../part.ts";
import { MOST, type Summary } from "./api.ts";
import { tallied } from "./figures.ts";
import { List, type Open } from "./list.ts";
import { Search } from "./search.ts";

export class Board {
  readonly list: List;
  readonly search = new Search(() => this.#showList());
  readonly #tiles = new Part(part("tiles"));
  readonly #freshness = new Freshness();
  readonly #again: () => void;
  #cases: readonly Summary[] | null = null;

  constructor(open: Open, again: () => void) {
    this.list = new List(part("cases"), open);
    this.#again = again;
    this.tell(false);
  }

  show(cases: readonly Summary[]): void {
    this.#cases = cases;
    this.#freshness.answered();
    this.#showTiles(); // what takes room from the list comes before it
    this.#showList();
  }

  complain(trouble: string): void {
    this.#freshness.trouble = trouble;
  }

  of(id: string): Summary | null {
    return this.#cases?.find((one) => one.id === id) ?? null;
  }

  /** Says why there is nothing to show, if there is nothing; a case that is open is something. */
  tell(opened: boolean): void {
    this.#freshness.tick();
    const nothing = opened ? null : this.#nothing();
    part("notice").hidden = nothing === null;
    part("board").hidden = nothing !== null;
    if (nothing === null) return;
    const again = el("button", { type: "button" }, "Try again");
    again.addEventListener("click", this.#again);
    part("notice").replaceChildren(el("strong", {}, nothing[0]), el("p", {}, nothing[1]), ...(this.#freshness.trouble === null ? [] : [again]));
  }

  #nothing(): [title: string, text: string] | null {
    if (this.#cases !== null && this.#cases.length > 0) return null;
    if (this.#freshness.trouble !== null) return ["No cases", `They were asked for, but ${this.#freshness.trouble}. The page tries again every ten seconds.`];
    return this.#cases === null ? ["Loading", "Asking for the cases…"] : ["No cases", "No alert has been taken yet."];
  }

  #showList(): void {
    const cases = this.#cases ?? [];
    const found = this.search.found(cases);
    const some = found.length === cases.length ? "" : `${format.count(found.length)} of `;
    const more = cases.length === MOST ? ", the newest; older ones are not counted" : "";
    part("found").textContent = `${some}${format.count(cases.length)} ${cases.length === 1 ? "case" : "cases"}${more}`;
    part("empty").hidden = found.length > 0 || cases.length === 0;
    this.list.show(found, Date.now());
  }

  #showTiles(): void {
    const tally = tallied(this.#cases ?? [], Date.now());
    const decisions = `${format.count(tally.asked)} ${tally.asked === 1 ? "decision" : "decisions"}`;
    const shown: [name: string, text: string, kind: string, title: string][] = [
      ["Open", format.count(tally.open), "", "on their way from evidence to verdict"],
      ["Waiting for approval", format.count(tally.waiting), tally.waiting > 0 ? "look" : "", decisions],
      ["Malicious today", format.count(tally.malicious), tally.malicious > 0 ? "drop" : "", "opened since midnight UTC"],
      ["Oldest open case", tally.oldest === null ? "–" : format.span(tally.oldest), "", "since it was opened"],
    ];
    this.#tiles.show(shown, () => shown.map(([name, text, kind, title]) => el("div", { class: kind, title }, el("dt", {}, name), el("dd", {}, text))));
  }
}
