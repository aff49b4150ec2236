/** Events by country: how many, what share of all, and against the period before. */

import { codeOf } from "../data/codes.ts";
import type { Columns } from "../data/columns.ts";
import type { Hit } from "./pick.ts";
import { sliceOf, type Range } from "../data/slice.ts";

export interface Rows {
  readonly columns: Pick<Columns, "country" | "countries" | "weight" | "time">;
  readonly slice: readonly [first: number, end: number];
}

export interface Nation {
  readonly events: number;
  /** Of all events that name a country. */
  readonly share: number;
  /** Events in the period before, as long as this one; null when it is not known. */
  readonly before: number | null;
}

export interface Nations {
  readonly by: ReadonlyMap<string, Nation>;
  readonly placed: number;
  /** Events that name no country which the map knows. */
  readonly stray: number;
  readonly compared: boolean;
}

/** The same length of time just before, if the data reaches back so far. */
export function periodBefore(range: Range | null, domain: Range | null): Range | null {
  if (range === null || domain === null) return null;
  const before = { from: 2 * range.from - range.to, to: range.from };
  return before.from >= domain.from ? before : null;
}

export function nationsOf(layers: readonly Rows[], earlier: Range | null): Nations {
  const now = countsOf(layers);
  const then = earlier && countsOf(layers.map(({ columns }) => ({ columns, slice: sliceOf(columns.time, earlier) })));
  const placed = [...now.by.values()].reduce((sum, events) => sum + events, 0);
  const codes = new Set([...now.by.keys(), ...(then?.by.keys() ?? [])]);
  const nation = (code: string): Nation => {
    const events = now.by.get(code) ?? 0;
    return { events, share: placed ? events / placed : 0, before: then && (then.by.get(code) ?? 0) };
  };
  const by = new Map([...codes].map((code) => [code, nation(code)]));
  return { by, placed, stray: now.stray, compared: then !== null };
}

function countsOf(layers: readonly Rows[]): { by: Map<string, number>; stray: number } {
  const by = new Map<string, number>();
  let stray = 0;
  for (const layer of layers) {
    const codes = codesOf(layer.columns.countries);
    eventsBy(layer).forEach((events, i) => {
      const code = codes[i];
      if (events === 0) return;
      if (code === null) stray += events;
      else by.set(code, (by.get(code) ?? 0) + events);
    });
  }
  return { by, stray };
}

function eventsBy({ columns: { country, countries, weight }, slice: [first, end] }: Rows): Float64Array {
  const events = new Float64Array(Math.max(countries.length, 1)); // a file may have no such column
  for (let row = first; row < end; row++) events[country[row]] += weight === null ? 1 : weight[row];
  return events;
}

const known = new WeakMap<readonly string[], readonly (string | null)[]>();

/** The code for each spelling of a file; worked out once. The first of none is no country. */
function codesOf(countries: readonly string[]): readonly (string | null)[] {
  const codes = known.get(countries) ?? (countries.length ? countries.map(codeOf) : [null]);
  known.set(countries, codes);
  return codes;
}

/** The rows of one country, newest first within each layer. */
export const rowsOf = (code: string, layers: readonly Rows[]): Hit[] =>
  layers.flatMap(({ columns: { country, countries }, slice: [first, end] }, layer) => {
    const codes = codesOf(countries);
    const hits: Hit[] = [];
    for (let row = end - 1; row >= first; row--) if (codes[country[row]] === code) hits.push({ layer, row });
    return hits;
  });

const MOST_CLASSES = 6;
const ROUND = [1, 2, 5, 10];

/** Lower bounds of classes at round figures, evenly apart on a logarithmic scale: a few countries have
 *  most of everything, and with even steps the others would all look alike. */
export function breaksFor(values: readonly number[]): number[] {
  const some = values.filter((value) => value > 0);
  if (some.length === 0) return [];
  const [least, most] = [Math.max(Math.min(...some), Math.max(...some) / 1e5), Math.max(...some)];
  const classes = Math.min(MOST_CLASSES, Math.max(1, Math.ceil(Math.log2(most / least))));
  const step = (most / least) ** (1 / classes);
  const bounds = Array.from({ length: classes }, (_, i) => roundDown(least * step ** i));
  return [...new Set(bounds)];
}

function roundDown(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value) + 1e-9);
  const lead = ROUND.findLast((round) => round * power <= value * (1 + 1e-9)) ?? 1;
  return Number((lead * power).toPrecision(3));
}

/** The class of a value: the last whose bound it reaches, and the first for what lies below all. */
export const classOf = (value: number, breaks: readonly number[]): number =>
  Math.max(0, breaks.findLastIndex((bound) => value >= bound));

export const FOLDS = [1 / 4, 1 / 2, 2, 4]; // the bounds of change, times before

/** Much less, less, about as much, more, much more: 0 to 4; null where nothing can be said. */
export function changeOf({ events, before }: Nation): number | null {
  if (before === null || (events === 0 && before === 0)) return null;
  const fold = before === 0 ? Infinity : events / before;
  return fold <= FOLDS[0] ? 0 : fold <= FOLDS[1] ? 1 : fold < FOLDS[2] ? 2 : fold < FOLDS[3] ? 3 : 4;
}
