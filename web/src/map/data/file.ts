/** A file of the analyst's own as a table that the map can draw. Pure; runs in a worker.
 *
 *  The file is anybody's: what it holds is bounded before it is read, and what cannot be read is a
 *  sentence that says where. */

import { places } from "./geojson.ts";
import { instantOf } from "./instant.ts";
import { BadFile, records, type Rows } from "./records.ts";

export const LARGEST = 50 << 20;
const MOST_ROWS = 500_000;
const MOST_COLUMNS = 200;
const LONGEST_NAME = 100;

export interface Opened {
  /** In the format of the datasets. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly columns: readonly string[];
  readonly time: string;
  readonly label: string;
  readonly rows: number;
  readonly located: number;
  /** What the analyst should know about how it was read. */
  readonly notes: readonly string[];
}

const LATITUDE = ["latitude", "lat"];
const LONGITUDE = ["longitude", "lon", "lng", "long"];
const TIMES = [
  "timegenerated", "timegenerated [utc]", "timestamp", "@timestamp", "time", "datetime", "date", "event_time", "created", "first_seen",
  "firstseen", "last_seen",
];

export function openFile(name: string, bytes: Uint8Array): Opened {
  if (bytes.length > LARGEST) throw new BadFile(`it is larger than ${LARGEST >> 20} MB`);
  const text = decoded(bytes);
  const isJson = /\.(geo)?json$/i.test(name) || /^\s*[{[]/.test(text);
  const { table, notes } = isJson ? places(text, MOST_ROWS) : { table: tableOf(text), notes: [] };
  if (table.rows.length === 0) throw new BadFile("it has no rows");
  if (table.rows.length > MOST_ROWS) throw new BadFile(`it has more than ${MOST_ROWS.toLocaleString("en-US")} rows`);
  if (table.columns.length > MOST_COLUMNS) throw new BadFile(`it has more than ${MOST_COLUMNS} columns`);
  return located(table, notes);
}

function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new BadFile("it is no UTF-8 text");
  }
}

function tableOf(text: string): Rows {
  const [first, ...rows] = records(text, MOST_ROWS + 1);
  if (first === undefined) throw new BadFile("it is empty");
  const short = rows.findIndex((row) => row.length !== first.length);
  if (short >= 0) throw new BadFile(`row ${short + 1} has ${rows[short].length} columns, the header ${first.length}`);
  return { columns: first.map((name) => name ?? ""), rows };
}

/** The table with the columns that the map looks for, and its texts escaped. */
function located(table: Rows, told: readonly string[]): Opened {
  const columns = named(table.columns);
  const find = (among: readonly string[]): number => {
    const lower = columns.map((name) => name.toLowerCase());
    return among.map((name) => lower.indexOf(name)).find((at) => at >= 0) ?? -1;
  };
  const [latitude, longitude] = [find(LATITUDE), find(LONGITUDE)];
  if (latitude < 0 || longitude < 0) throw new BadFile("it has no columns Latitude and Longitude, or lat and lon");
  const time = timeColumn(columns, table.rows);
  const others = columns.map((_, at) => at).filter((at) => ![latitude, longitude, time].includes(at));
  let known = 0;
  const lines = table.rows.map((row) => {
    const place = placeOf(row[latitude], row[longitude]);
    if (place !== null) known++;
    const moment = time < 0 ? NaN : instantOf(row[time] ?? "");
    const when = Number.isNaN(moment) ? null : new Date(moment).toISOString();
    return [when, ...others.map((at) => row[at]), ...(place ?? [null, null]), place ? "file" : "none"].map(cell).join("\t");
  });
  if (known === 0) throw new BadFile("none of its rows has a latitude up to 90 and a longitude up to 180");
  const when = time < 0 ? "TimeGenerated" : columns[time];
  const kept = others.map((at) => columns[at]);
  const names = [when, ...kept, "Latitude", "Longitude", "GeoPrecision"];
  const notes = [...told, ...(time < 0 ? ["no column of times was found"] : []), ...unlocated(table.rows.length - known)];
  const text = `${[names.map(cell).join("\t"), ...lines].join("\n")}\n`;
  return { bytes: new TextEncoder().encode(text), columns: [when, ...kept], time: when, label: kept[0] ?? when, rows: lines.length, located: known, notes };
}

const unlocated = (rows: number): string[] => (rows === 0 ? [] : [`${rows.toLocaleString("en-US")} without a place`]);

/** Each column has a name of its own that a header can hold. */
function named(columns: readonly string[]): string[] {
  const taken = new Set(["latitude", "longitude", "geoprecision"]);
  return columns.map((given, at) => {
    const name = given.trim().slice(0, LONGEST_NAME) || `column ${at + 1}`;
    const lower = name.toLowerCase();
    if (LATITUDE.includes(lower) || LONGITUDE.includes(lower)) return name;
    let free = name;
    for (let again = 2; taken.has(free.toLowerCase()); again++) free = `${name} (${again})`;
    taken.add(free.toLowerCase());
    return free;
  });
}

const SAMPLE = 200;

/** The first column that is called like a time and mostly holds some. */
function timeColumn(columns: readonly string[], rows: Rows["rows"]): number {
  const lower = columns.map((name) => name.toLowerCase());
  for (const at of TIMES.map((name) => lower.indexOf(name))) {
    const texts = at < 0 ? [] : rows.slice(0, SAMPLE).flatMap((row) => row[at] || []);
    const good = texts.filter((text) => !Number.isNaN(instantOf(text))).length;
    if (good > 0 && good >= texts.length / 2) return at;
  }
  return -1;
}

function placeOf(latitude: string | null, longitude: string | null): [string, string] | null {
  if (!latitude?.trim() || !longitude?.trim()) return null;
  const [north, east] = [Number(latitude), Number(longitude)];
  return Math.abs(north) <= 90 && Math.abs(east) <= 180 ? [String(north), String(east)] : null;
}

const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\ufffd" };

const cell = (value: string | null): string =>
  (value === null ? "\\N" : value.replace(/[\\\t\n\r\0]/g, (letter) => ESCAPES[letter]));
