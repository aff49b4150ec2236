/** From the bytes of a TSV to what the map draws: columns sorted by time, already projected. */

import { Codes, narrowed, type Coded } from "./coded.ts";
import { gapOf } from "./gaps.ts";
import { project } from "../draw/projection.ts";
import { BadTable, cellText, eachRow, isNull, readHeader } from "./tsv.ts";

/** What the reader must know about a dataset. */
export interface Plan {
  readonly time: string;
  readonly colour: string | null;
  /** The column that says for how many events a row stands; without one, a row is one event. */
  readonly weight?: string | null;
  /** Where the other end of a row is: the columns that hold it. */
  readonly arc?: { readonly latitude: string; readonly longitude: string } | null;
  /** Columns to filter by; those that the file lacks are no trouble. */
  readonly facets?: readonly string[];
}

/** All rows of one dataset, oldest first. Rows without a place have NaN in x and y. */
export interface Columns {
  readonly names: readonly string[];
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Milliseconds since 1970; rows without a time come first with -Infinity. */
  readonly time: Float64Array;
  readonly x: Float32Array;
  readonly y: Float32Array;
  /** 1 where only the country is known: the point is then the middle of it. */
  readonly coarse: Uint8Array;
  readonly category: Uint16Array;
  readonly categories: readonly string[];
  /** Which of `countries` each row names, as the log spells it. */
  readonly country: Uint16Array;
  readonly countries: readonly string[];
  /** How many events each row stands for, at least one; null: one each. */
  readonly weight: Uint32Array | null;
  /** The other end of each row, NaN where it has none; null: no row has. */
  readonly toX: Float32Array | null;
  readonly toY: Float32Array | null;
  /** Why each row has no place, as a position in `GAPS`; 0 where it has one. */
  readonly gap: Uint8Array;
  /** The columns to filter by, by name. */
  readonly facets: ReadonlyMap<string, Coded>;
  /** Where each row begins in `bytes`. */
  readonly start: Uint32Array;
}

/** What goes along when columns are handed to another thread, instead of being copied. */
export const buffersOf = (columns: Columns): Transferable[] =>
  [...Object.values(columns), ...[...columns.facets.values()].map(({ codes }) => codes)]
    .filter((column) => ArrayBuffer.isView(column)).map(({ buffer }) => buffer as ArrayBuffer);

const MOST_CATEGORIES = 65_535;
const MOST_WEIGHT = 0xffffffff;

export function readColumns(bytes: Uint8Array<ArrayBuffer>, plan: Plan): Columns {
  const { columns: names, end } = readHeader(bytes);
  const at = (name: string): number => {
    const index = names.indexOf(name);
    if (index < 0) throw new BadTable(`the file has no column ${name}`);
    return index;
  };
  const [time, latitude, longitude] = [at(plan.time), at("Latitude"), at("Longitude")];
  const precision = at("GeoPrecision");
  const colour = plan.colour === null ? -1 : at(plan.colour);
  const country = names.indexOf("Country");
  const read = blank(countLines(bytes, end));
  const [categories, countries] = [new Categories(), new Categories()];
  const facets = new Facets(bytes, names, plan, read.time.length);
  const more = [
    weights(read, bytes, names, plan), ends(read, bytes, names, plan),
    (cells: Uint32Array, row: number) => facets.read(cells, row),
  ].filter((each) => each !== null);
  eachRow(bytes, end, names.length, (cells, row) => {
    read.start[row] = cells[0];
    read.time[row] = instant(bytes, cells[time], cells[time + 1] - 1);
    [read.x[row], read.y[row]] = placed(number(bytes, cells[longitude], cells[longitude + 1] - 1),
      number(bytes, cells[latitude], cells[latitude + 1] - 1));
    read.coarse[row] = +(ascii(bytes, cells[precision], cells[precision + 1] - 1) === "country");
    if (colour >= 0) {
      read.category[row] = categories.code(bytes, cells[colour], cells[colour + 1] - 1);
    }
    if (country >= 0) read.country[row] = countries.code(bytes, cells[country], cells[country + 1] - 1);
    if (Number.isNaN(read.x[row])) read.gap[row] = gapOf(bytes, cells, latitude, longitude);
    for (const each of more) each(cells, row);
  });
  const order = orderByTime(read.time);
  const sorted = order === null ? read : rearranged(read, order);
  return { names, bytes, categories: categories.names, countries: countries.names, ...sorted, facets: facets.all(order) };
}

/** The rows of a list, in its order, with everything that is known of each. */
export const pickedRows = (columns: Columns, rows: Uint32Array): Columns => ({
  ...rearranged(columns, rows),
  bytes: columns.bytes,
  facets: new Map([...columns.facets].map(([name, { codes, names }]) => [name, { codes: gathered(codes, rows), names }])),
});

/** Reads the columns that rows are filtered by. */
class Facets {
  readonly #columns: readonly { name: string; at: number; codes: Codes; rows: Uint32Array }[];

  constructor(bytes: Uint8Array, names: readonly string[], plan: Plan, rows: number) {
    const wanted = new Set([...(plan.facets ?? []), ...(plan.colour === null ? [] : [plan.colour]), ...ALWAYS]);
    this.#columns = [...wanted].filter((name) => names.includes(name)).map((name) =>
      ({ name, at: names.indexOf(name), codes: new Codes(bytes), rows: new Uint32Array(rows) }));
  }

  read(cells: Uint32Array, row: number): void {
    for (const { at, codes, rows } of this.#columns) rows[row] = codes.code(cells[at], cells[at + 1] - 1);
  }

  all(order: Uint32Array | null): Map<string, Coded> {
    return new Map(this.#columns.map(({ name, codes, rows }) => {
      const narrow = narrowed(rows, codes.size);
      return [name, { codes: order === null ? narrow : gathered(narrow, order), names: codes.names() }];
    }));
  }
}

const ALWAYS = ["Country", "GeoPrecision"];

type Writable<T> = { -readonly [name in keyof T]: T[name] };
type Read = Writable<Omit<Columns, "names" | "bytes" | "categories" | "countries" | "facets">>;
type ReadRow = (cells: ArrayLike<number>, row: number) => void;

/** Reads for how much a row counts. An older file may lack the column: then each counts once. */
function weights(read: Read, bytes: Uint8Array, names: readonly string[], plan: Plan): ReadRow | null {
  const at = plan.weight ? names.indexOf(plan.weight) : -1;
  if (at < 0) return null;
  const weight = (read.weight = new Uint32Array(read.time.length));
  return (cells, row) => {
    const value = number(bytes, cells[at], cells[at + 1] - 1);
    weight[row] = value >= 1 ? Math.min(value, MOST_WEIGHT) : 1;
  };
}

/** Reads the other end of each row. */
function ends(read: Read, bytes: Uint8Array, names: readonly string[], { arc }: Plan): ReadRow | null {
  const [latitude, longitude] = arc ? [names.indexOf(arc.latitude), names.indexOf(arc.longitude)] : [-1, -1];
  if (latitude < 0 || longitude < 0) return null;
  const toX = (read.toX = new Float32Array(read.time.length));
  const toY = (read.toY = new Float32Array(read.time.length));
  return (cells, row) => {
    [toX[row], toY[row]] = placed(number(bytes, cells[longitude], cells[longitude + 1] - 1),
      number(bytes, cells[latitude], cells[latitude + 1] - 1));
  };
}

const blank = (rows: number): Read => ({
  time: new Float64Array(rows),
  x: new Float32Array(rows),
  y: new Float32Array(rows),
  coarse: new Uint8Array(rows),
  category: new Uint16Array(rows),
  country: new Uint16Array(rows),
  gap: new Uint8Array(rows),
  start: new Uint32Array(rows),
  weight: null,
  toX: null,
  toY: null,
});

function placed(longitude: number, latitude: number): readonly [x: number, y: number] {
  const possible = Math.abs(longitude) <= 180 && Math.abs(latitude) <= 90;
  return possible ? project(longitude, latitude) : NOWHERE;
}

const NOWHERE = [NaN, NaN] as const;

/** Distinct texts in order of appearance. */
class Categories {
  readonly names: string[] = [];
  readonly #codes = new Map<string, number>();

  code(bytes: Uint8Array, from: number, to: number): number {
    const raw = ascii(bytes, from, to);
    const known = this.#codes.get(raw);
    if (known !== undefined) return known;
    if (this.names.length >= MOST_CATEGORIES) return 0;
    this.#codes.set(raw, this.names.length);
    return this.names.push(cellText(bytes, from, to) ?? "(no value)") - 1;
  }
}

/** Null where the rows lie in order already. */
function orderByTime(time: Float64Array): Uint32Array | null {
  if (time.every((value, row) => row === 0 || time[row - 1] <= value)) return null;
  return Uint32Array.from(time, (_, row) => row).sort((a, b) => {
    const [early, late] = [time[a], time[b]];
    return early < late ? -1 : early > late ? 1 : a - b; // no subtraction: -Infinity twice is NaN
  });
}

type Column = Float64Array | Float32Array | Uint32Array | Uint16Array | Uint8Array;

/** A loop for each size of a value, whatever its type: one loop for all types runs ten times as long. */
function gathered<T extends Column>(column: T, rows: Uint32Array): T {
  const picked = new (column.constructor as new (length: number) => T)(rows.length);
  const as = <V>(View: new (buffer: ArrayBufferLike, offset: number, length: number) => V): [V, V] =>
    [new View(column.buffer, column.byteOffset, column.length), new View(picked.buffer, 0, picked.length)];
  if (column.BYTES_PER_ELEMENT === 8) gather8(...as(Float64Array), rows);
  else if (column.BYTES_PER_ELEMENT === 4) gather4(...as(Uint32Array), rows);
  else if (column.BYTES_PER_ELEMENT === 2) gather2(...as(Uint16Array), rows);
  else gather1(...as(Uint8Array), rows);
  return picked;
}

function gather8(from: Float64Array, to: Float64Array, rows: Uint32Array): void {
  for (let i = 0; i < rows.length; i++) to[i] = from[rows[i]];
}

function gather4(from: Uint32Array, to: Uint32Array, rows: Uint32Array): void {
  for (let i = 0; i < rows.length; i++) to[i] = from[rows[i]];
}

function gather2(from: Uint16Array, to: Uint16Array, rows: Uint32Array): void {
  for (let i = 0; i < rows.length; i++) to[i] = from[rows[i]];
}

function gather1(from: Uint8Array, to: Uint8Array, rows: Uint32Array): void {
  for (let i = 0; i < rows.length; i++) to[i] = from[rows[i]];
}

/** Every column that has a value for each row, in another order; what else there is stays as it is. */
const rearranged = <T extends object>(columns: T, rows: Uint32Array): T =>
  Object.fromEntries(Object.entries(columns).map(([name, column]) =>
    [name, ArrayBuffer.isView(column) && name !== "bytes" ? gathered(column as Column, rows) : column])) as T;

function countLines(bytes: Uint8Array, from: number): number {
  let lines = 0;
  for (let at = bytes.indexOf(10, from); at >= 0; at = bytes.indexOf(10, at + 1)) lines++;
  return lines;
}

/** Short cells of numbers and codes; ten times as fast as a TextDecoder per cell. */
function ascii(bytes: Uint8Array, from: number, to: number): string {
  let text = "";
  for (let at = from; at < to; at++) text += String.fromCharCode(bytes[at]);
  return text;
}

const [ZERO, DOT, MINUS, COLON, Z] = [48, 46, 45, 58, 90];
const EXACT_DIGITS = 15;

/** A plain decimal is read digit by digit, without a string: same value, a fifth of the time. */
function number(bytes: Uint8Array, from: number, to: number): number {
  let digits = 0;
  let divisor = 0;
  const first = bytes[from] === MINUS ? from + 1 : from;
  if (first === to || to - first > EXACT_DIGITS) return exotic(bytes, from, to);
  for (let at = first; at < to; at++) {
    const digit = bytes[at] - ZERO;
    if (bytes[at] === DOT && divisor === 0) divisor = 1;
    else if (digit >= 0 && digit <= 9) {
      digits = digits * 10 + digit;
      divisor *= 10;
    } else return exotic(bytes, from, to);
  }
  const size = digits / (divisor || 1); // one rounding, as Number does
  return first === from ? size : -size;
}

function exotic(bytes: Uint8Array, from: number, to: number): number {
  return from === to || isNull(bytes, from, to) ? NaN : Number(ascii(bytes, from, to));
}

/** Milliseconds of an ISO moment. The back end writes one format, for which Date.parse is slow. */
function instant(bytes: Uint8Array, from: number, to: number): number {
  if (from === to || isNull(bytes, from, to)) return -Infinity;
  const plain = to - from >= 20 && bytes[from + 4] === MINUS && bytes[from + 13] === COLON
    && bytes[to - 1] === Z;
  const moment = plain ? utc(bytes, from, to) : Date.parse(ascii(bytes, from, to));
  return Number.isNaN(moment) ? -Infinity : moment;
}

function utc(bytes: Uint8Array, from: number, to: number): number {
  const part = (at: number, length: number): number => number(bytes, from + at, from + at + length);
  const fraction = to - from > 20 ? number(bytes, from + 19, to - 1) : 0;
  return Date.UTC(part(0, 4), part(5, 2) - 1, part(8, 2), part(11, 2), part(14, 2), part(17, 2))
    + Math.floor(fraction * 1_000);
}
