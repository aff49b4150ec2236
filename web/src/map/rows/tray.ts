/** The rows that no map can show: how many, why, and a way to list them. */

import { el, part } from "../../dom.ts";
import * as format from "../../format.ts";
import { Part } from "../../part.ts";
import type { Choices } from "../choice.ts";
import { LAYER, PLACE } from "../sift/filters.ts";
import { GAPS } from "../data/gaps.ts";
import type { Selected } from "../sift/selection.ts";
import type { Listener, Told } from "../told.ts";

export class Tray implements Listener {
  readonly #choices: Choices;
  readonly #list: () => void;
  readonly #host = part("tray");
  readonly #part = new Part(part("tray-list"));

  /** `list` is asked to show the table. */
  constructor(choices: Choices, list: () => void) {
    [this.#choices, this.#list] = [choices, list];
  }

  show({ shown }: Told): void {
    const gaps = shown.map((each) => ({ name: each.layer.dataset.name, title: each.layer.dataset.title, counts: gapsOf(each) }));
    const some = gaps.filter(({ counts }) => counts.some((count) => count > 0));
    const all = some.reduce((sum, { counts }) => sum + counts.reduce((a, b) => a + b, 0), 0);
    this.#host.hidden = all === 0;
    part("tray-sum").textContent = `${format.rows(all)} without a place`;
    this.#part.show(some, () => some.map(({ name, title, counts }) =>
      el("li", {}, el("bdi", { class: "name" }, title),
        el("ul", {}, ...counts.flatMap((count, gap) => (count === 0 ? [] : [this.#reason(name, gap, count)]))))));
  }

  #reason(name: string, gap: number, count: number): HTMLElement {
    const button = el("button", { type: "button", "data-focus": `${name} ${gap}`, title: "List them in the table" },
      el("span", {}, GAPS[gap]), el("strong", {}, format.count(count)));
    button.addEventListener("click", () => {
      this.#choices.change({ facets: { ...this.#choices.now.facets, [LAYER]: [name], [PLACE]: [GAPS[gap]] } });
      this.#list();
    });
    return el("li", {}, button);
  }
}

/** How many rows there are for each reason. */
function gapsOf({ columns: { gap }, slice: [first, end] }: Selected): number[] {
  const counts = GAPS.map(() => 0);
  for (let row = first; row < end; row++) counts[gap[row]]++;
  counts[0] = 0;
  return counts;
}
