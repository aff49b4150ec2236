/** The list of layers: switch, counts, freshness, and what the rows are made of. */

import type { Choices } from "../choice.ts";
import type { Columns } from "../data/columns.ts";
import { el } from "../../dom.ts";
import * as format from "../../format.ts";
import { Fresh, type Deeds } from "./fresh.ts";
import type { Layer } from "../data/layers.ts";
import { flipping, isShown } from "../sift/selection.ts";
import type { Listener, Told } from "../told.ts";
import { showTotals } from "../rows/totals.ts";

/** What a layer's slice holds. */
export interface Tally {
  readonly rows: number;
  readonly unlocated: number;
  readonly byCategory: Uint32Array;
}

export function tally(columns: Columns, [first, end]: readonly [number, number]): Tally {
  const byCategory = new Uint32Array(columns.categories.length);
  let unlocated = 0;
  for (let row = first; row < end; row++) {
    if (Number.isNaN(columns.x[row])) unlocated++;
    byCategory[columns.category[row]]++;
  }
  return { rows: end - first, unlocated, byCategory };
}

const TOP = 4; // categories named; the rest is "other"

interface Entry {
  readonly item: HTMLLIElement;
  readonly box: HTMLInputElement;
  readonly dot: HTMLElement;
  readonly title: HTMLElement;
  readonly count: HTMLElement;
  readonly facts: HTMLElement;
  readonly fresh: Fresh;
  readonly parts: HTMLElement;
}

export class Panel implements Listener {
  readonly #list: HTMLElement;
  readonly #choices: Choices;
  readonly #deeds: Deeds;
  readonly #entries = new Map<string, Entry>();

  constructor(list: HTMLElement, choices: Choices, deeds: Deeds) {
    this.#list = list;
    this.#choices = choices;
    this.#deeds = deeds;
  }

  /** Entries are changed in place, so that the keyboard's focus survives a refresh. */
  show({ choice, layers, selected, shown, colourOf }: Told): void {
    const tallies = new Map(selected.map((each) => [each.layer, tally(each.columns, each.slice)]));
    showTotals(shown.map(({ layer }) => tallies.get(layer)!), tallies.size > 0);
    const names = new Set(layers.map((layer) => layer.dataset.name));
    for (const [name, { item }] of this.#entries) {
      if (names.has(name)) continue;
      item.remove();
      this.#entries.delete(name);
    }
    for (const layer of layers) {
      const entry = this.#entries.get(layer.dataset.name) ?? this.#added(layer);
      const on = isShown(layer, choice);
      update(entry, { layer, on, found: tallies.get(layer), colour: colourOf(layer) }, Date.now());
    }
  }

  #added(layer: Layer): Entry {
    const { name } = layer.dataset;
    const [box, dot, title, count] = [
      el("input", { type: "checkbox", role: "switch" }), el("i", { class: "dot" }),
      el("bdi", { class: "name" }), el("strong", { class: "count" }),
    ];
    const [facts, fresh, parts] = [
      el("span", { class: "facts" }), new Fresh(layer, this.#deeds), el("ul", { class: "parts" }),
    ];
    box.addEventListener("change", () => this.#choices.change({ flipped: flipping(this.#choices.now.flipped, [name]) }));
    const item = el("li", { class: "layer", "data-layer": name },
      el("label", {}, dot, title, box), el("p", { class: "sum" }, count, facts), fresh.element, parts);
    this.#list.append(item);
    const entry = { item, box, dot, title, count, facts, fresh, parts };
    this.#entries.set(name, entry);
    return entry;
  }
}

interface Line {
  readonly layer: Layer;
  readonly on: boolean;
  readonly found: Tally | undefined;
  readonly colour: string;
}

function update(entry: Entry, { layer, on, found, colour }: Line, now: number): void {
  entry.item.classList.toggle("off", !on);
  entry.item.setAttribute("aria-busy", String(layer.loading));
  entry.box.checked = on;
  entry.dot.style.background = colour;
  entry.title.textContent = layer.dataset.title;
  entry.count.textContent = found && found.rows > 0 ? format.count(found.rows) : "";
  entry.facts.textContent = facts(layer, found);
  entry.fresh.show(layer, now);
  entry.parts.replaceChildren(...(found && on ? parts(layer, found, colour) : []));
}

function facts({ dataset, columns, loading, failure }: Layer, found: Tally | undefined): string {
  if (dataset.version === null) return "Never refreshed: no data yet.";
  if (!found || !columns) return loading ? "Loading…" : (failure ?? format.rows(dataset.rows));
  const whole = columns.time.length;
  if (whole === 0) return "No rows: the query found nothing.";
  if (found.rows === 0) return `None of ${format.rows(whole)} selected`;
  const all = whole === 1 ? "row" : "rows";
  const inRange = found.rows === whole ? all : `of ${format.rows(whole)}`;
  return found.unlocated === 0 ? inRange : `${inRange} · ${format.count(found.unlocated)} unlocated`;
}

/** The most frequent values of the colour column, as bars. */
function parts({ columns }: Layer, { rows, byCategory }: Tally, colour: string): HTMLElement[] {
  if (columns === null || columns.categories.length < 2 || rows === 0) return [];
  const ranked = [...byCategory.keys()].filter((code) => byCategory[code] > 0)
    .sort((a, b) => byCategory[b] - byCategory[a]);
  const named = ranked.slice(0, TOP).map((code) => [columns.categories[code], byCategory[code]] as const);
  const rest = ranked.slice(TOP).reduce((sum, code) => sum + byCategory[code], 0);
  const all = rest > 0 ? [...named, [`${ranked.length - TOP} others`, rest] as const] : named;
  return all.map(([name, some]) => bar(name || "empty", some, rows, colour));
}

function bar(name: string, some: number, rows: number, colour: string): HTMLElement {
  const fill = el("i", { class: "fill" });
  fill.style.width = `${(100 * some) / rows}%`;
  fill.style.background = colour;
  return el("li", {}, fill, el("bdi", { class: "name", title: name }, name), el("span", {}, format.count(some)));
}
