/** What the analyst chose: all that a reload or a link would have to restore. */

import type { Range } from "./data/slice.ts";
import { WHOLE_WORLD, type View } from "./draw/view.ts";

export type Drawing = "points" | "clusters" | "heat" | "countries";

/** What the colour of a country says: its share of all, or how it changed. */
export type Measure = "share" | "change";

export interface Choice {
  readonly view: View;
  readonly range: Range | null;
  /** The last so many hours of the data; moves along when newer rows arrive. */
  readonly last: number | null;
  /** Names of the layers that are switched off, or on, against what their dataset says. */
  readonly flipped: readonly string[];
  readonly drawing: Drawing;
  readonly measure: Measure;
  readonly arcs: boolean;
  readonly night: boolean;
  /** The values that rows may have, by column; a column without any takes all. `!Column` has those
   *  that they may not have; `@layer` and `@place` stand for the layer, and why a row has no place. */
  readonly facets: Readonly<Record<string, readonly string[]>>;
  readonly search: string;
  /** On a wall nobody clicks: see `wallboard.ts`. */
  readonly wallboard: boolean;
}

export const AT_FIRST: Choice = {
  view: WHOLE_WORLD, range: null, last: null, flipped: [], drawing: "points", measure: "share",
  arcs: false, night: false, facets: {}, search: "", wallboard: false,
};

type Heard = (now: Choice, before: Choice) => void;

/** The one choice of the page: everybody may change it, and hears of every change. */
export class Choices {
  #now = AT_FIRST;
  readonly #heard: Heard[] = [];

  get now(): Choice {
    return this.#now;
  }

  hear(heard: Heard): void {
    this.#heard.push(heard);
  }

  change(some: Partial<Choice>): void {
    const before = this.#now;
    this.#now = { ...before, ...some };
    for (const heard of this.#heard) heard(this.#now, before);
  }
}

/** Whether anything but the view is another. */
export const otherRows = (now: Choice, before: Choice): boolean =>
  (Object.keys(now) as (keyof Choice)[]).some((name) => name !== "view" && now[name] !== before[name]);
