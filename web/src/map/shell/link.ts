/** The choice as the fragment of an address, and back. Pure.
 *
 *  Whoever opens a link did not write it: whatever stands there is read as far as it makes sense,
 *  within bounds, and never refused. The fragment is not sent to any server. */

import { AT_FIRST, type Choice, type Drawing, type Measure } from "../choice.ts";
import { WHOLE_WORLD } from "../draw/view.ts";

const VERSION = "1";
const LONGEST = 20_000; // of the whole fragment, in characters
const MOST_NAMES = 100;
const MOST_VALUES = 400;
const LONGEST_NAME = 64;
const LONGEST_VALUE = 300;
const LATEST = 8.64e15; // beyond it there is no Date
const YEARS = 20 * 366 * 24; // in hours
const DRAWINGS: readonly Drawing[] = ["points", "clusters", "heat", "countries"];
const MEASURES: readonly Measure[] = ["share", "change"];
const FACET = "f.";
/** Layers of files that were opened here carry this; they mean nothing to anybody else. */
export const LOCAL = "file-";

interface Term<T> {
  /** What the parameters say; undefined where they say nothing sensible. */
  read(given: URLSearchParams): T | undefined;
  /** Called only for what is not as at first. */
  write(value: T, to: URLSearchParams): void;
}

const cut = (text: string, most: number): string => [...text].slice(0, most).join("");

const numbers = (text: string | null, mark: string): number[] =>
  (text ?? "").split(mark).map((one) => (/^-?\d{1,17}(\.\d{1,9})?$/.test(one) ? Number(one) : NaN));

const fine = (value: number): number => Math.round(value * 10_000) / 10_000 + 0; // no -0

const flag = (name: string): Term<boolean> => ({
  read: (given) => (given.has(name) ? given.get(name) !== "0" : undefined),
  write: (_, to) => to.set(name, "1"),
});

const TERMS: { readonly [Name in keyof Choice]: Term<Choice[Name]> } = {
  view: {
    read(given) {
      const [x, y, zoom] = numbers(given.get("at"), ",").map(fine);
      const there = Math.abs(x) <= 4 && Math.abs(y) <= 4 && zoom >= 1 && zoom <= 1_000;
      return there ? { x, y, zoom } : undefined;
    },
    write: ({ x, y, zoom }, to) => to.set("at", [x, y, zoom].map(fine).join()),
  },
  range: {
    read(given) {
      const [from, to] = numbers(given.get("t"), "_").map(Math.round);
      return from < to && Math.abs(from) <= LATEST && Math.abs(to) <= LATEST ? { from, to } : undefined;
    },
    write: (range, to) => range && to.set("t", `${Math.floor(range.from)}_${Math.ceil(range.to)}`),
  },
  last: {
    read(given) {
      const [hours] = numbers(given.get("last"), " ");
      return hours > 0 && hours <= YEARS ? hours : undefined;
    },
    write: (hours, to) => to.set("last", String(hours)),
  },
  flipped: {
    read: (given) => [...new Set(given.getAll("flip").map((name) => cut(name, LONGEST_NAME)))]
      .filter((name) => name !== "" && !name.startsWith(LOCAL)).slice(0, MOST_NAMES),
    write: (names, to) => names.filter((name) => !name.startsWith(LOCAL)).forEach((name) => to.append("flip", name)),
  },
  drawing: {
    read: (given) => DRAWINGS.find((one) => one === given.get("as")),
    write: (drawing, to) => to.set("as", drawing),
  },
  measure: {
    read: (given) => MEASURES.find((one) => one === given.get("by")),
    write: (measure, to) => to.set("by", measure),
  },
  arcs: flag("arcs"),
  night: flag("night"),
  facets: { read: facetsIn, write: (facets, to) => writeFacets(facets, to) },
  search: {
    read: (given) => cut(given.get("q") ?? "", LONGEST_VALUE),
    write: (search, to) => to.set("q", search),
  },
  wallboard: flag("wall"),
};

function facetsIn(given: URLSearchParams): Choice["facets"] {
  const found = new Map<string, Set<string>>();
  let room = MOST_VALUES;
  for (const [name, value] of given) {
    if (!name.startsWith(FACET) || room-- <= 0) continue;
    const column = cut(name.slice(FACET.length), LONGEST_NAME);
    found.set(column, (found.get(column) ?? new Set()).add(cut(value, LONGEST_VALUE)));
  }
  return Object.fromEntries([...found].map(([column, values]) => [column, [...values]]));
}

function writeFacets(facets: Choice["facets"], to: URLSearchParams): void {
  for (const [column, values] of Object.entries(facets)) {
    for (const value of values) to.append(FACET + column, value);
  }
}

const NAMES = Object.keys(TERMS) as (keyof Choice)[];

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

function write<Name extends keyof Choice>(name: Name, choice: Choice, to: URLSearchParams): void {
  if (!same(choice[name], AT_FIRST[name])) TERMS[name].write(choice[name], to);
}

/** The fragment for a choice, without its `#`; empty for the choice that the page begins with. */
export function fragment(choice: Choice): string {
  const moving = choice.last !== null; // then the range is where that happened to be
  const whole = written(choice, NAMES.filter((name) => !(moving && name === "range")));
  return whole.length <= LONGEST ? whole : written({ ...choice, facets: {}, search: "" }, NAMES);
}

function written(choice: Choice, names: readonly (keyof Choice)[]): string {
  const to = new URLSearchParams();
  for (const name of names) write(name, choice, to);
  const text = to.toString();
  return text === "" ? "" : `v=${VERSION}&${text}`;
}

/** The choice that a fragment stands for, with or without its `#`. Any text gives one. */
export function choiceIn(text: string): Choice {
  const given = new URLSearchParams(text.replace(/^#/, "").slice(0, LONGEST));
  const said = NAMES.map((name) => [name, TERMS[name].read(given)] as const);
  const choice = { ...AT_FIRST, ...Object.fromEntries(said.filter(([, value]) => value !== undefined)) };
  return { ...choice, range: choice.last === null ? choice.range : null, view: choice.view ?? WHOLE_WORLD };
}
