/** The selected rows of all layers as one list, in any order. Long lists are sorted in slices. */

import { Codes, NO_VALUE } from "../data/coded.ts";
import { addressOf } from "../sift/ip.ts";
import type { Selected } from "../sift/selection.ts";
import { breathe, sliced } from "../sift/tasks.ts";
import { cellAt } from "../sift/terms.ts";

/** Columns that no file has. */
export const TIME = "Time";
export const LAYER_NAME = "Layer";
export const PLACED = "Place";
export const WHAT = "What";
export const CATEGORY = "Category";

/** The column of a file that one of ours stands for: each layer calls it otherwise. */
export function behind(column: string, { label, colour }: { readonly label: string; readonly colour: string | null }): string | null {
  if (column === PLACED) return "GeoPrecision";
  return column === WHAT ? label : column === CATEGORY ? colour : column;
}

export interface Order {
  readonly column: string;
  readonly down: boolean;
}

export interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export interface Found {
  readonly source: Selected;
  readonly row: number;
}

/** Rows of several layers: each is one number, layer after layer. */
export class Rows {
  readonly sources: readonly Selected[];
  readonly list: Uint32Array;
  readonly #offsets: readonly number[];

  constructor(sources: readonly Selected[], list: Uint32Array) {
    this.sources = sources;
    this.list = list;
    this.#offsets = offsetsOf(sources);
  }

  get length(): number {
    return this.list.length;
  }

  at(index: number): Found {
    return this.found(this.list[index]);
  }

  /** The row that a number stands for. */
  found(id: number): Found {
    const layer = this.#offsets.findLastIndex((offset) => offset <= id);
    return { source: this.sources[layer], row: id - this.#offsets[layer] };
  }

  /** Where a row of the sources is in the list, or -1. */
  indexOf(columns: Selected["columns"], row: number): number {
    const layer = this.sources.findIndex((source) => source.columns === columns);
    return layer < 0 ? -1 : this.list.indexOf(this.#offsets[layer] + row);
  }
}

const offsetsOf = (sources: readonly Selected[]): number[] =>
  sources.map((_, i) => sources.slice(0, i).reduce((sum, { columns }) => sum + columns.time.length, 0));

/** All of them, or those in a box of the map; oldest first. */
export function listed(sources: readonly Selected[], box: Box | null): Rows {
  const offsets = offsetsOf(sources);
  const lists = sources.map(({ columns: { x, y }, slice: [first, end] }, layer) => {
    const list = new Uint32Array(end - first);
    let count = 0;
    for (let row = first; row < end; row++) {
      const inside = box === null || (x[row] >= box.left && x[row] <= box.right && y[row] >= box.top && y[row] <= box.bottom);
      if (inside) list[count++] = offsets[layer] + row;
    }
    return { list: list.subarray(0, count), time: (id: number) => sources[layer].columns.time[id - offsets[layer]] };
  });
  return new Rows(sources, merged(lists));
}

interface Timed {
  readonly list: Uint32Array;
  readonly time: (id: number) => number;
}

/** One list out of several that are sorted by time. */
function merged(lists: readonly Timed[]): Uint32Array {
  if (lists.length === 1) return lists[0].list;
  const out = new Uint32Array(lists.reduce((sum, { list }) => sum + list.length, 0));
  const at = lists.map(() => 0);
  const next = lists.map(({ list, time }) => (list.length > 0 ? time(list[0]) : NaN));
  for (let i = 0; i < out.length; i++) {
    let best = -1;
    for (let k = 0; k < lists.length; k++) if (next[k] === next[k] && (best < 0 || next[k] < next[best])) best = k;
    const { list, time } = lists[best];
    out[i] = list[at[best]++];
    next[best] = at[best] < list.length ? time(list[at[best]]) : NaN;
  }
  return out;
}

/** The same rows in another order; what has no value comes last either way. Oldest first is given. */
export async function ordered(rows: Rows, { column, down }: Order, signal: AbortSignal): Promise<Rows> {
  if (column === TIME) return down ? new Rows(rows.sources, rows.list.toReversed()) : rows;
  const { ranks, most } = await ranksOf(rows, column, signal);
  return new Rows(rows.sources, byRank(rows.list, ranks, most, down));
}

/** Counting sort: keeps the order of equals, and costs the same for a million rows as their number says. */
function byRank(list: Uint32Array, ranks: Int32Array, most: number, down: boolean): Uint32Array {
  const slot = (rank: number): number => (rank < 0 ? most : down ? most - 1 - rank : rank);
  const starts = new Uint32Array(most + 2);
  for (const rank of ranks) starts[slot(rank) + 1]++;
  for (let i = 1; i < starts.length; i++) starts[i] += starts[i - 1];
  const out = new Uint32Array(list.length);
  for (let i = 0; i < list.length; i++) out[starts[slot(ranks[i])]++] = list[i];
  return out;
}

interface Ranked {
  /** For each row of the list its place among the values, or -1 for no value. */
  readonly ranks: Int32Array;
  readonly most: number;
}

async function ranksOf(rows: Rows, column: string, signal: AbortSignal): Promise<Ranked> {
  const values = new Values();
  const readers = rows.sources.map((source) => reader(source, column, values));
  const codes = new Int32Array(rows.length);
  await sliced(rows.length, signal, (from, to) => {
    for (let i = from; i < to; i++) {
      const { source, row } = rows.at(i);
      codes[i] = readers[rows.sources.indexOf(source)](row);
    }
  });
  const places = await values.places(signal);
  return { ranks: codes.map((code) => (code < 0 ? -1 : places[code])), most: values.size };
}

/** Distinct texts, and in the end the place of each among all. */
class Values {
  readonly #codes = new Map<string, number>();

  get size(): number {
    return this.#codes.size;
  }

  code(text: string): number {
    if (text === "" || text === NO_VALUE) return -1;
    const known = this.#codes.get(text);
    if (known !== undefined) return known;
    this.#codes.set(text, this.#codes.size);
    return this.#codes.size - 1;
  }

  async places(signal: AbortSignal): Promise<Int32Array> {
    const texts = [...this.#codes.keys()];
    const keys = texts.every((text) => Number.isFinite(Number(text))) ? texts.map(Number) : texts.map(sortKey);
    const order = await sortedSlowly(keys.map((_, code) => code), (a, b) => (keys[a] < keys[b] ? -1 : +(keys[a] > keys[b])), signal);
    const places = new Int32Array(order.length);
    order.forEach((code, place) => (places[code] = place));
    return places;
  }
}

/** Addresses by their bits, before all else; texts whatever their capitals. */
function sortKey(text: string): string {
  const address = addressOf(text);
  return address === null ? text.toLowerCase() : `\0${Array.from(address, (part) => part.toString(16).padStart(8, "0")).join("")}`;
}

function reader({ layer, columns }: Selected, column: string, values: Values): (row: number) => number {
  if (column === LAYER_NAME) {
    const code = values.code(layer.dataset.title);
    return () => code;
  }
  const name = behind(column, layer.dataset) ?? "";
  const coded = columns.facets.get(name);
  if (coded) {
    const known = coded.names.map((name) => values.code(name));
    return (row) => known[coded.codes[row]];
  }
  const index = columns.names.indexOf(name);
  return index < 0 ? () => -1 : cellReader(columns, index, values);
}

function cellReader({ bytes, start }: Selected["columns"], index: number, values: Values): (row: number) => number {
  const codes = new Codes(bytes);
  const known: number[] = [];
  return (row) => {
    const code = codes.code(...cellAt(bytes, start[row], bytes.indexOf(10, start[row]), index));
    return (known[code] ??= values.code(codes.name(code)));
  };
}

const RUN = 4_096;

/** Merge sort that lets the page draw between its steps. */
export async function sortedSlowly<T>(items: readonly T[], compare: (a: T, b: T) => number, signal: AbortSignal): Promise<T[]> {
  let runs: T[][] = [];
  for (let from = 0; from < items.length; from += RUN) {
    signal.throwIfAborted();
    runs.push(items.slice(from, from + RUN).sort(compare));
    await breathe();
  }
  while (runs.length > 1) {
    const longer: T[][] = [];
    for (let i = 0; i < runs.length; i += 2) {
      signal.throwIfAborted();
      longer.push(i + 1 < runs.length ? mergedRuns(runs[i], runs[i + 1], compare) : runs[i]);
      await breathe();
    }
    runs = longer;
  }
  return runs[0] ?? [];
}

function mergedRuns<T>(left: readonly T[], right: readonly T[], compare: (a: T, b: T) => number): T[] {
  const out = new Array<T>(left.length + right.length);
  let [l, r] = [0, 0];
  for (let i = 0; i < out.length; i++) {
    const takeLeft = r === right.length || (l < left.length && compare(left[l], right[r]) <= 0);
    out[i] = takeLeft ? left[l++] : right[r++];
  }
  return out;
}
