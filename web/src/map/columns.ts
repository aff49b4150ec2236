/** From the bytes of a TSV to what the map draws: columns sorted by time, already projected. */

import { project } from "./projection.ts";
import { BadTable, cellText, eachRow, isNull, readHeader } from "./tsv.ts";

/** What the reader must know about a dataset. */
export interface Plan {
  readonly time: string;
  readonly colour: string | null;
  /** The column that says for how many events a row stands; without one, a row is one event. */
  readonly weight?: string | null;
  /** Where the other end of a row is: the columns that hold it. */
  readonly arc?: { readonly latitude: string; readonly longitude: string } | null;
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
  /** Where each row begins in `bytes`. */
  readonly start: Uint32Array;
}

/** What goes along when columns are handed to another thread, instead of being copied. */
export const buffersOf = (columns: Columns): Transferable[] =>
  Object.values(columns).filter((column) => ArrayBuffer.isView(column)).map(({ buffer }) => buffer as ArrayBuffer);

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
  const more = [weights(read, bytes, names, plan), ends(read, bytes, names, plan)].filter((each) => each !== null);
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
    for (const each of more) each(cells, row);
  });
  return { names, bytes, categories: categories.names, countries: countries.names, ...sortedByTime(read) };
}

type Writable<T> = { -readonly [name in keyof T]: T[name] };
type Read = Writable<Omit<Columns, "names" | "bytes" | "categories" | "countries">>;
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

function sortedByTime(read: Read): Read {
  const { time } = read;
  if (time.every((value, row) => row === 0 || time[row - 1] <= value)) return read;
  const order = Uint32Array.from(time, (_, row) => row).sort((a, b) => {
    const [early, late] = [time[a], time[b]];
    return early < late ? -1 : early > late ? 1 : a - b; // no subtraction: -Infinity twice is NaN
  });
  const picked = <T extends Float64Array | Float32Array | Uint32Array | Uint16Array | Uint8Array>(
    column: T,
  ): T => {
    const copy = column.slice() as T;
    for (let row = 0; row < order.length; row++) copy[row] = column[order[row]];
    return copy;
  };
  return {
    time: picked(time),
    x: picked(read.x),
    y: picked(read.y),
    coarse: picked(read.coarse),
    category: picked(read.category),
    country: picked(read.country),
    start: picked(read.start),
    weight: read.weight && picked(read.weight),
    toX: read.toX && picked(read.toX),
    toY: read.toY && picked(read.toY),
  };
}

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
