/** The places of a GeoJSON file. Points are themselves; of every other shape its middle. Pure. */

import { isFields, type Fields } from "../../read.ts";
import { BadFile, type Rows } from "./records.ts";

const DEEPEST = 64;
const LONGEST = 4_000; // of a property that is a whole structure
const MOST_COLUMNS = 190;
const KINDS = ["Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection"];

type Place = readonly [longitude: number, latitude: number];

export function places(text: string, most: number): { table: Rows; notes: string[] } {
  const features = featuresOf(parsed(text));
  if (features.length > most) throw new BadFile(`it has more than ${most.toLocaleString("en-US")} features`);
  const columns = new Map<string, number>();
  const rows: (string | null)[][] = [];
  let middles = 0;
  for (const [i, feature] of features.entries()) {
    const { found, middle } = placesOf(feature, i + 1);
    middles += +middle;
    const cells = propertiesOf(feature, columns);
    for (const place of found) rows.push([...(place ?? [null, null]).map((one) => one?.toString() ?? null), ...cells]);
    if (rows.length > most) throw new BadFile(`it has more than ${most.toLocaleString("en-US")} points`);
  }
  const names = ["Longitude", "Latitude", ...columns.keys()];
  const notes = middles === 0 ? [] : [`${middles.toLocaleString("en-US")} ${middles === 1 ? "shape is" : "shapes are"} shown at the middle`];
  return { table: { columns: names, rows: rows.map((row) => filled(row, names.length)) }, notes };
}

const filled = (row: readonly (string | null)[], width: number): (string | null)[] =>
  Array.from({ length: width }, (_, at) => row[at] ?? null);

function parsed(text: string): unknown {
  if (depthOf(text) > DEEPEST) throw new BadFile("it is nested too deeply");
  try {
    return JSON.parse(text);
  } catch {
    throw new BadFile("it is no JSON");
  }
}

function depthOf(text: string): number {
  let [depth, deepest, inText] = [0, 0, false];
  for (let at = 0; at < text.length; at++) {
    const letter = text[at];
    if (inText && letter === "\\") at++;
    else if (letter === '"') inText = !inText;
    else if (!inText && (letter === "{" || letter === "[")) deepest = Math.max(deepest, ++depth);
    else if (!inText && (letter === "}" || letter === "]")) depth--;
  }
  return deepest;
}

function featuresOf(body: unknown): readonly Fields[] {
  if (!isFields(body)) throw new BadFile("it is no GeoJSON");
  const { type, features } = body;
  if (type === "FeatureCollection" && Array.isArray(features)) return features.filter(isFields);
  if (type === "Feature") return [body];
  if (KINDS.includes(String(type))) return [{ geometry: body }];
  throw new BadFile("it is no GeoJSON: its type is neither FeatureCollection nor Feature nor a geometry");
}

function placesOf({ geometry }: Fields, number: number): { found: readonly (Place | null)[]; middle: boolean } {
  if (!isFields(geometry)) return { found: [null], middle: false };
  const { type, coordinates } = geometry;
  if (!KINDS.includes(String(type))) throw new BadFile(`feature ${number} has a geometry that is none`);
  if (type === "Point") return { found: [pairOf(coordinates)], middle: false };
  const all = pairs(type === "GeometryCollection" ? geometry["geometries"] : coordinates);
  if (all.length === 0) return { found: [null], middle: false };
  return type === "MultiPoint" ? { found: all, middle: false } : { found: [middleOf(all)], middle: true };
}

const pairOf = (given: unknown): Place | null =>
  (Array.isArray(given) && Number.isFinite(given[0]) && Number.isFinite(given[1]) ? [given[0], given[1]] : null);

/** Every pair of coordinates inside, however they are nested. */
function pairs(given: unknown): Place[] {
  const found: Place[] = [];
  const left = [given];
  while (left.length > 0) {
    const next = left.pop();
    const pair = pairOf(next);
    if (pair) found.push(pair);
    else if (Array.isArray(next)) for (const one of next) left.push(one);
    else if (isFields(next)) left.push(next["coordinates"], next["geometries"]);
  }
  return found.reverse();
}

function middleOf(all: readonly Place[]): Place {
  const [low, high] = [[Infinity, Infinity], [-Infinity, -Infinity]];
  for (const pair of all) {
    for (const axis of [0, 1]) {
      low[axis] = Math.min(low[axis], pair[axis]);
      high[axis] = Math.max(high[axis], pair[axis]);
    }
  }
  return [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2];
}

/** The cells of a feature; columns are in the order in which they are first met. */
function propertiesOf({ properties }: Fields, columns: Map<string, number>): (string | null)[] {
  const cells: (string | null)[] = [];
  for (const [name, value] of Object.entries(isFields(properties) ? properties : {})) {
    if (!columns.has(name) && columns.size >= MOST_COLUMNS) continue;
    const at = columns.get(name) ?? columns.size;
    columns.set(name, at);
    cells[at] = valueOf(value);
  }
  return cells;
}

function valueOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return typeof value === "object" ? JSON.stringify(value).slice(0, LONGEST) : String(value);
}
