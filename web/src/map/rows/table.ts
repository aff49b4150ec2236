/** The accessible twin of the map: a table of exactly the rows that are selected. */

import { el, part } from "../../dom.ts";
import * as format from "../../format.ts";
import { plain } from "../../text.ts";
import type { Choices } from "../choice.ts";
import { nameOf } from "../data/codes.ts";
import { isTyping } from "../sift/find.ts";
import { GAPS } from "../data/gaps.ts";
import { Grid, type Cell, type GridRow } from "./longtable.ts";
import { Pace } from "../time/pace.ts";
import { behind, CATEGORY, LAYER_NAME, listed, ordered, PLACED, Rows, TIME, WHAT, type Box, type Found, type Order } from "./rows.ts";
import { Split } from "./split.ts";
import type { Spots } from "./spots.ts";
import type { Stage } from "../draw/stage.ts";
import type { Listener, Told } from "../told.ts";
import { rowAt } from "../data/tsv.ts";
import { toWorld } from "../draw/view.ts";

const OFTEN = 200; // milliseconds between two lists while time or map move
const SLOW = 150; // milliseconds from which a sort is spoken of
const FEW = 8; // columns of one layer that are shown unless somebody chooses others
const WIDTHS: Readonly<Record<string, number>> = { [TIME]: 172, [LAYER_NAME]: 150, [WHAT]: 170, [PLACED]: 190, Country: 110, City: 110, IPAddress: 130 };
const WIDTH = 140;

export class Table implements Listener {
  readonly #choices: Choices;
  readonly #stage: Stage;
  readonly #spots: Spots;
  readonly #host = part("table");
  readonly #grid = new Grid({
    sort: (column) => this.#sort(column),
    choose: (index) => this.#choose(index),
    moved: (index) => (this.#held = this.#rows.length > 0 ? this.#rows.at(index) : null),
  });
  readonly #split = new Split(part("split"), this.#host);
  readonly #inView = part<HTMLInputElement>("in-view");
  readonly #pace = new Pace(OFTEN, () => void this.#list());
  #told: Told | null = null;
  #rows = new Rows([], new Uint32Array());
  #order: Order = { column: TIME, down: true };
  #chosen: ReadonlySet<string> | null = null;
  #held: Found | null = null;
  #sorting = new AbortController();
  #busy = false;
  #again = false;
  #atTop = false;

  constructor(choices: Choices, stage: Stage, spots: Spots) {
    [this.#choices, this.#stage, this.#spots] = [choices, stage, spots];
    part("grid").append(this.#grid.element);
    part("table-toggle").addEventListener("click", () => this.toggle());
    part("table-close").addEventListener("click", () => this.toggle());
    this.#inView.addEventListener("change", () => this.#pace.ask());
    this.#closing(part<HTMLDetailsElement>("chooser"));
    choices.hear((now, before) => {
      if (now.view !== before.view && this.#inView.checked && !this.#host.hidden) this.#pace.ask();
    });
    document.addEventListener("keydown", (event) => {
      if (event.key.toLowerCase() !== "t" || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      event.preventDefault();
      this.toggle();
    });
  }

  show(told: Told): void {
    this.#told = told;
    if (!this.#host.hidden) this.#pace.ask();
  }

  toggle(): void {
    if (this.#host.hidden) return this.open();
    const inside = this.#host.contains(document.activeElement);
    this.#shut(true);
    if (inside) part("table-toggle").focus();
  }

  open(): void {
    this.#shut(false);
    this.#split.fit();
    this.#pace.ask();
    this.#grid.element.focus();
  }

  #shut(shut: boolean): void {
    this.#host.hidden = part("split").hidden = shut;
    part("table-toggle").setAttribute("aria-expanded", String(!shut));
  }

  /** One list at a time: while the time plays, a long sort would never come to its end. */
  async #list(): Promise<void> {
    this.#again = true;
    if (this.#busy) return;
    this.#busy = true;
    while (this.#again) {
      this.#again = false;
      await this.#listOnce();
    }
    this.#busy = false;
  }

  async #listOnce(): Promise<void> {
    const told = this.#told;
    if (told === null || this.#host.hidden) return;
    this.#sorting = new AbortController();
    const all = listed(told.shown, this.#inView.checked ? this.#box() : null);
    const slow = setTimeout(() => this.#say(`${format.rows(all.length)}, sorting…`, false), SLOW);
    const rows = await ordered(all, this.#order, this.#sorting.signal).catch(() => null);
    clearTimeout(slow);
    if (rows === null) return; // another order was asked for
    this.#rows = rows;
    this.#say(this.#summary(), true);
    this.#draw(told);
    this.#showColumns(told);
    if (this.#atTop) this.#grid.activate(0);
    this.#atTop = false;
  }

  /** The row that had the focus keeps it as long as it is there. */
  #draw(told: Told): void {
    const columns = this.#columns(told);
    const held = this.#held === null ? -1 : this.#rows.indexOf(this.#held.source.columns, this.#held.row);
    const active = held < 0 ? Math.min(this.#grid.active, this.#rows.length) : held;
    this.#grid.show({
      columns, width: (column) => WIDTHS[column] ?? WIDTH, length: this.#rows.length, order: this.#order,
      row: (index) => lineOf(this.#rows.at(index), columns, told),
    }, active);
  }

  #summary(): string {
    const { column, down } = this.#order;
    const how = column === TIME ? (down ? "newest first" : "oldest first") : `by ${plain(column)}${down ? ", descending" : ""}`;
    return `${format.rows(this.#rows.length)}${this.#inView.checked ? " in view" : ""}, ${how}`;
  }

  #say(text: string, done: boolean): void {
    const told = part("table-sum");
    told.setAttribute("aria-busy", String(!done));
    if (told.textContent !== text) told.textContent = text;
  }

  #sort(column: string): void {
    const again = this.#order.column === column;
    this.#order = { column, down: again ? !this.#order.down : column === TIME };
    this.#atTop = true;
    this.#sorting.abort();
    void this.#list();
  }

  #choose(index: number): void {
    const { source, row } = this.#rows.at(index);
    this.#spots.reveal(source.columns, row);
  }

  #box(): Box {
    const { size } = this.#stage;
    const [left, top] = toWorld(this.#choices.now.view, size, 0, 0);
    const [right, bottom] = toWorld(this.#choices.now.view, size, size.width, size.height);
    return { left, top, right, bottom };
  }

  // Which columns.

  #columns(told: Told): string[] {
    const chosen = this.#chosen ?? new Set(usual(told));
    return everyColumn(told).filter((column) => chosen.has(column));
  }

  #showColumns(told: Told): void {
    const list = part("columns");
    const [all, now] = [everyColumn(told), new Set(this.#columns(told))];
    const key = JSON.stringify(all);
    if (list.dataset["all"] === key) return;
    list.dataset["all"] = key;
    list.replaceChildren(...all.map((column) => {
      const box = el("input", { type: "checkbox", checked: now.has(column) });
      box.addEventListener("change", () => this.#pick(column, box));
      return el("label", {}, box, el("bdi", {}, plain(column)));
    }));
  }

  /** The list of columns closes like a menu. */
  #closing(chooser: HTMLDetailsElement): void {
    chooser.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !chooser.open) return;
      event.stopPropagation(); // it would clear the time range, too
      chooser.open = false;
      chooser.querySelector("summary")?.focus();
    });
    document.addEventListener("pointerdown", ({ target }) => {
      if (target instanceof Node && !chooser.contains(target)) chooser.open = false;
    });
  }

  #pick(column: string, box: HTMLInputElement): void {
    const told = this.#told!;
    const now = new Set(this.#columns(told));
    if (box.checked) now.add(column);
    else if (now.size > 1) now.delete(column); // a table without a column shows nothing
    box.checked = now.has(column);
    this.#chosen = now;
    this.#draw(told);
  }
}

/** What stands for other columns of each layer comes first; the time of a row is shown once. */
function everyColumn({ shown }: Told): string[] {
  const names = shown.flatMap(({ layer: { dataset }, columns }) => columns.names.filter((name) => name !== dataset.time));
  const ours = shown.length > 1 ? [TIME, LAYER_NAME, WHAT, CATEGORY] : [TIME];
  return [...new Set([...ours, ...usualNames(shown), PLACED, ...names])];
}

const usual = ({ shown }: Told): string[] => [TIME, LAYER_NAME, WHAT, CATEGORY, PLACED, ...usualNames(shown)];

/** Of several layers only what tells where; of one also what names a row and what it is filtered by. */
function usualNames(shown: Told["shown"]): string[] {
  const has = (name: string): boolean => shown.some(({ columns }) => columns.names.includes(name));
  const where = ["IPAddress", "Country", "City"];
  if (shown.length !== 1) return where.filter(has);
  const [{ layer: { dataset } }] = shown;
  const own = [dataset.label, "IPAddress", dataset.colour ?? "", ...where, ...(dataset.facets ?? [])];
  return [...new Set(own)].filter(has).slice(0, FEW);
}

function lineOf({ source: { layer, columns }, row }: Found, shown: readonly string[], told: Told): GridRow {
  const cells = rowAt(columns.bytes, columns.start[row]);
  const of = (column: string): Cell => {
    if (column === TIME) return { text: momentOf(columns.time[row]), kind: "figure" };
    if (column === LAYER_NAME) return { text: layer.dataset.title };
    const value = cells[columns.names.indexOf(behind(column, layer.dataset) ?? "")];
    if (column === PLACED) return { text: placeOf(columns.gap[row], value ?? "") };
    if (column === "Country") return { text: nameOf(value ?? "") };
    return value === null ? { text: "no value", kind: "absent" } : { text: value ?? "" };
  };
  return { cells: shown.map(of), colour: told.colourOf(layer), nowhere: columns.gap[row] !== 0 };
}

const momentOf = (moment: number): string =>
  Number.isFinite(moment) ? new Date(moment).toISOString().slice(0, 19).replace("T", " ") : "no time";

const placeOf = (gap: number, precision: string): string =>
  gap === 0 ? `${precision || "somewhere"}, approximate` : `none: ${GAPS[gap]}`;
