/** What an analyst does with the rows: find, filter, list, save. */

import { part } from "../../dom.ts";
import { Actors } from "./actors.ts";
import type { Choices } from "../choice.ts";
import { Facets } from "../sift/facets.ts";
import { Find } from "../sift/find.ts";
import { Save } from "./save.ts";
import type { Spots } from "./spots.ts";
import type { Stage } from "../draw/stage.ts";
import { Table } from "./table.ts";
import { Tabs } from "./tabs.ts";
import type { Listener, Told } from "../told.ts";
import { Tray } from "./tray.ts";

export class Analysis implements Listener {
  readonly #spots: Spots;
  readonly #stage: Stage;
  readonly #actors: Actors;
  readonly #parts: readonly Listener[];

  constructor(choices: Choices, stage: Stage, spots: Spots) {
    [this.#stage, this.#spots] = [stage, spots];
    const facets = new Facets(choices);
    const tabs = new Tabs((name) => (name === "filters" ? facets.opened() : undefined));
    const table = new Table(choices, stage, spots);
    const list = (): void => table.open();
    this.#actors = new Actors(choices, () => tabs.open("actors"), list);
    this.#parts = [new Find(choices), facets, new Tray(choices, list), table, new Save(), this.#actors];
    part("table-toggle").title = "Show the rows as a table (t)";
  }

  show(told: Told): void {
    for (const each of this.#parts) each.show(told);
  }

  /** A place on the map was clicked: where there are no other rows, or actors, the actors of the country open. */
  chosen(at: readonly [px: number, py: number]): void {
    const country = this.#stage.countryAt(...at);
    if (country !== null && this.#spots.pinsNoneBut("actors")) this.#actors.at(country.name);
  }
}
