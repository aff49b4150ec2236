/** The columns to filter by: their most frequent values, to take or to leave out. */

import { el, part } from "../../dom.ts";
import * as format from "../../format.ts";
import { Part } from "../../part.ts";
import { plain } from "../../text.ts";
import type { Choices } from "../choice.ts";
import { NO_VALUE } from "../data/coded.ts";
import { cleared, except, isChosen, toggled, valueText } from "./facet.ts";
import { counted } from "./faceting.ts";
import { EXCEPT } from "./filters.ts";
import { Pace } from "../time/pace.ts";
import { rangeOf } from "./selection.ts";
import { sliceOf } from "../data/slice.ts";
import type { Listener, Told } from "../told.ts";

const FEW = 6; // values of a column before "more"
const MANY = 60; // and after it
const OPEN = 5; // columns that are unfolded at first
const OFTEN = 150; // milliseconds between two counts while the time plays

type Chosen = Choices["now"]["facets"];

export class Facets implements Listener {
  readonly #host = part("filters");
  readonly #choices: Choices;
  readonly #views = new Map<string, Facet>();
  readonly #pace = new Pace(OFTEN, () => this.#count());
  #told: Told | null = null;

  constructor(choices: Choices) {
    this.#choices = choices;
  }

  /** Counts only while somebody can see it. */
  show(told: Told): void {
    this.#told = told;
    const some = Object.values(told.choice.facets).reduce((sum, values) => sum + values.length, 0);
    part("filters-tab").textContent = some === 0 ? "Filters" : `Filters (${some})`;
    if (!this.#host.hidden) this.#pace.ask();
  }

  opened(): void {
    this.#pace.ask();
  }

  #count(): void {
    const told = this.#told;
    if (told === null || this.#host.hidden) return;
    const columns = columnsOf(told);
    const counts = counted(told.shown.map(({ layer }) => ({
      columns: layer.columns!, tests: told.filters.testsOf(layer), slice: sliceOf(layer.columns!.time, rangeOf(layer, told.choice)),
    })), columns);
    part("filters-none").hidden = columns.length > 0;
    for (const [name, view] of this.#views) if (!columns.includes(name)) view.host.remove();
    columns.forEach((column, i) => {
      const view = this.#views.get(column) ?? this.#added(column, i < OPEN);
      if (this.#host.children[i] !== view.host) this.#host.insertBefore(view.host, this.#host.children[i] ?? null);
      view.show(counts.get(column)!, told.choice.facets);
    });
  }

  #added(column: string, open: boolean): Facet {
    const view = new Facet(column, open, this.#choices);
    this.#views.set(column, view);
    return view;
  }
}

/** Columns that many layers have come first, how places were found comes last. */
function columnsOf({ shown }: Told): string[] {
  const layers = new Map<string, number>();
  for (const { layer } of shown) {
    for (const name of layer.columns?.facets.keys() ?? []) layers.set(name, (layers.get(name) ?? 0) + 1);
  }
  const rank = (name: string): number => (name === "GeoPrecision" ? -1 : layers.get(name)!);
  return [...layers.keys()].sort((a, b) => rank(b) - rank(a));
}

class Facet {
  readonly host: HTMLDetailsElement;
  readonly #column: string;
  readonly #choices: Choices;
  readonly #values = el("ul", { class: "values" });
  readonly #part = new Part(this.#values);
  readonly #clear: HTMLButtonElement;
  readonly #filter: HTMLInputElement;
  readonly #more: HTMLButtonElement;
  #counts: ReadonlyMap<string, number> = new Map();
  #long = false;

  constructor(column: string, open: boolean, choices: Choices) {
    this.#column = column;
    this.#choices = choices;
    this.#clear = el("button", { type: "button", class: "plain", "aria-label": `Clear the filter on ${column}` }, "clear");
    this.#filter = el("input", { type: "search", placeholder: "Filter the values", "aria-label": `Filter the values of ${column}`, autocomplete: "off" });
    this.#more = el("button", { type: "button", class: "plain more" });
    this.host = el("details", { class: "facet", open }, el("summary", {}, el("bdi", {}, plain(column))),
      this.#clear, this.#filter, this.#values, this.#more);
    this.#clear.addEventListener("click", () => this.#change((now) => cleared(now, column)));
    this.#filter.addEventListener("input", () => this.#again());
    this.#more.addEventListener("click", () => {
      this.#long = !this.#long;
      this.#filter.value = "";
      this.#again();
      if (this.#long) this.#filter.focus();
    });
    this.host.addEventListener("toggle", () => this.#again());
  }

  show(counts: ReadonlyMap<string, number>, chosen: Chosen): void {
    this.#counts = counts;
    this.#clear.hidden = !Object.hasOwn(chosen, this.#column) && !Object.hasOwn(chosen, EXCEPT + this.#column);
    if (this.host.open) this.#again();
  }

  #change(change: (now: Chosen) => Chosen): void {
    this.#choices.change({ facets: change(this.#choices.now.facets) });
  }

  #again(): void {
    const { facets } = this.#choices.now;
    const ranked = ranking(this.#counts, [...(facets[this.#column] ?? []), ...(facets[EXCEPT + this.#column] ?? [])]);
    const sought = this.#filter.value.trim().toLowerCase();
    const found = ranked.filter(([value]) => valueText(this.#column, value).toLowerCase().includes(sought));
    const some = found.slice(0, this.#long ? MANY : FEW);
    const most = ranked[0]?.[1] ?? 0;
    this.#filter.hidden = !this.#long;
    this.#more.hidden = ranked.length <= FEW;
    this.#more.textContent = this.#long ? "fewer" : `${format.count(ranked.length - FEW)} more…`;
    this.#part.show([some, most, this.#long, found.length, facets[this.#column], facets[EXCEPT + this.#column]], () =>
      [...some.map(([value, count]) => this.#value(value, count, most)), ...rest(found.length - some.length, this.#long)]);
  }

  #value(value: string, count: number, most: number): HTMLElement {
    const { facets } = this.#choices.now;
    const [taken, out] = [isChosen(facets, this.#column, value), isChosen(facets, EXCEPT + this.#column, value)];
    const text = plain(valueText(this.#column, value));
    const box = el("input", { type: "checkbox", checked: taken, "data-focus": `take ${value}` });
    const fill = el("i", { class: "fill" });
    fill.style.width = `${most > 0 ? (100 * count) / most : 0}%`;
    const leave = el("button", { type: "button", class: "leave", "aria-pressed": String(out), "aria-label": `Leave out ${text}`, title: "Leave out (Alt+click)", "data-focus": `leave ${value}` }, "−");
    const label = el("label", { title: text }, box, el("bdi", { class: "name" }, text), el("span", {}, format.count(count)));
    label.addEventListener("click", (event) => {
      if (!event.altKey) return;
      event.preventDefault();
      leave.click();
    });
    // Another column may have been filtered since this was drawn: what is chosen is asked for anew.
    box.addEventListener("change", () => this.#change((now) => toggled(withoutOut(now, this.#column, value), this.#column, value)));
    leave.addEventListener("click", () =>
      this.#change((now) => (out ? toggled(now, EXCEPT + this.#column, value) : except(now, this.#column, value))));
    return el("li", { class: out ? "out" : taken ? "taken" : "" }, fill, label, leave);
  }
}

const withoutOut = (facets: Chosen, column: string, value: string): Chosen =>
  isChosen(facets, EXCEPT + column, value) ? toggled(facets, EXCEPT + column, value) : facets;

/** The most frequent first; what is chosen is there even if nothing has it any more. */
function ranking(counts: ReadonlyMap<string, number>, chosen: readonly string[]): [string, number][] {
  const all = new Map([...chosen.map((value) => [value, 0] as const), ...counts]);
  const absent = (value: string): number => +(value === NO_VALUE || value === "");
  return [...all].sort(([a, one], [b, two]) => two - one || absent(a) - absent(b) || (a < b ? -1 : 1));
}

const rest = (left: number, long: boolean): HTMLElement[] =>
  left > 0 && long ? [el("li", { class: "small" }, `and ${format.count(left)} more: filter to find them`)] : [];
