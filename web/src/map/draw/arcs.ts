/** Where rows lead: lines along great circles, one for all rows between the same two cells.
 *
 *  Thousands of lines are a grey cloth. So ends are gathered in cells of the world, a line is as thick
 *  as its events are many, and only the strongest are drawn. */

import type { Columns } from "../data/columns.ts";
import { HALF_WIDTH, project, unproject } from "./projection.ts";

type Place = readonly [x: number, y: number];

export interface Leading {
  readonly columns: Pick<Columns, "x" | "y" | "toX" | "toY" | "weight">;
  readonly slice: readonly [first: number, end: number];
  /** Places in world units that every row leads to; null: each row says where. */
  readonly sites: readonly Place[] | null;
}

export interface Arc {
  readonly layer: number;
  readonly from: Place;
  readonly to: Place;
  readonly events: number;
}

export interface Bundle {
  readonly arcs: readonly Arc[];
  /** Lines that were too weak to be drawn. */
  readonly dropped: number;
}

export const MOST_ARCS = 1_000;
const ACROSS = 256; // cells round the world: about 150 km, the size of a city and its surroundings
const CELL = (2 * HALF_WIDTH) / ACROSS;
const NONE = 0xffffffff;

/** Every row's line by number, and the ends of each: the means of the rows in its two cells. */
interface Pairs {
  readonly pair: Uint32Array;
  readonly from: readonly Place[];
  readonly to: readonly (Place | null)[];
}

/** Keyed by a column that no two tables share; brushing over time then costs one look per row. */
const known = new WeakMap<Float32Array, Pairs>();

export function bundle(layers: readonly Leading[]): Bundle {
  const all = layers.flatMap(arcsOf).sort((a, b) => b.events - a.events);
  return { arcs: all.slice(0, MOST_ARCS), dropped: Math.max(0, all.length - MOST_ARCS) };
}

function arcsOf({ columns, slice: [first, end], sites }: Leading, layer: number): Arc[] {
  const pairs = known.get(columns.x) ?? paired(columns);
  known.set(columns.x, pairs);
  const events = new Float64Array(pairs.from.length);
  for (let row = first; row < end; row++) {
    const pair = pairs.pair[row];
    if (pair !== NONE) events[pair] += columns.weight === null ? 1 : columns.weight[row];
  }
  return pairs.from.flatMap((from, pair) => {
    if (events[pair] === 0) return [];
    const own = pairs.to[pair];
    return (sites ?? (own ? [own] : [])).map((to) => ({ layer, from, to, events: events[pair] }));
  });
}

function paired({ x, y, toX, toY }: Leading["columns"]): Pairs {
  const pair = new Uint32Array(x.length).fill(NONE);
  const numbers = new Map<number, number>();
  const sums: number[][] = []; // of each pair: x, y, to x, to y, rows
  for (let row = 0; row < x.length; row++) {
    const [endX, endY] = [toX === null ? 0 : toX[row], toY === null ? 0 : toY[row]];
    const key = cellOf(x[row], y[row]) * ACROSS * ACROSS + cellOf(endX, endY);
    if (Number.isNaN(key)) continue; // one end or the other is nowhere
    const number = numbers.get(key) ?? sums.length;
    if (number === sums.length) {
      numbers.set(key, number);
      sums.push([0, 0, 0, 0, 0]);
    }
    pair[row] = number;
    const sum = sums[number];
    sum[0] += x[row];
    sum[1] += y[row];
    sum[2] += endX;
    sum[3] += endY;
    sum[4]++;
  }
  return {
    pair,
    from: sums.map(([sx, sy, , , rows]) => [sx / rows, sy / rows] as const),
    to: sums.map(([, , sx, sy, rows]) => (toX === null ? null : [sx / rows, sy / rows] as const)),
  };
}

const cellOf = (x: number, y: number): number =>
  Math.floor(y / CELL + ACROSS / 2) * ACROSS + Math.floor(x / CELL + ACROSS / 2);

const RADIANS = Math.PI / 180;
const STEP = 4 * RADIANS; // of the great circle, between two points of a line

type Vector = readonly [number, number, number];

function vector([longitude, latitude]: Place): Vector {
  const [l, p] = [longitude * RADIANS, latitude * RADIANS];
  return [Math.cos(p) * Math.cos(l), Math.cos(p) * Math.sin(l), Math.sin(p)];
}

const degrees = ([x, y, z]: Vector): Place =>
  [Math.atan2(y, x) / RADIANS, Math.atan2(z, Math.hypot(x, y)) / RADIANS];

/** The shortest way between two world points, in world units: several lines where it crosses the
 *  date line, none when there is no way to speak of. */
export function greatCircle(from: Place, to: Place): Place[][] {
  const ends = [unproject(...from), unproject(...to)];
  if (ends[0] === null || ends[1] === null) return [];
  const [a, b] = [vector(ends[0]), vector(ends[1])];
  const angle = Math.acos(Math.min(1, Math.max(-1, a[0] * b[0] + a[1] * b[1] + a[2] * b[2])));
  const sine = Math.sin(angle);
  if (!(sine >= 1e-6)) return []; // no place, the same place, or the other side of the earth: every way is as short
  const steps = Math.max(2, Math.ceil(angle / STEP));
  const places = Array.from({ length: steps + 1 }, (_, i) => {
    const [p, q] = [Math.sin(((steps - i) * angle) / steps) / sine, Math.sin((i * angle) / steps) / sine];
    return degrees([a[0] * p + b[0] * q, a[1] * p + b[1] * q, a[2] * p + b[2] * q]);
  });
  return cut(places).map((line) => line.map(([longitude, latitude]) => project(longitude, latitude)));
}

/** Ends a line at one edge of the map and goes on at the other. */
function cut(places: readonly Place[]): Place[][] {
  const lines: Place[][] = [[places[0]]];
  for (let i = 1; i < places.length; i++) {
    const [before, here] = [places[i - 1], places[i]];
    if (Math.abs(here[0] - before[0]) > 180) {
      const edge = before[0] > 0 ? 180 : -180;
      const far = here[0] + 2 * edge; // where it would be if the map went on
      const latitude = before[1] + ((edge - before[0]) / (far - before[0])) * (here[1] - before[1]);
      lines.at(-1)!.push([edge, latitude]);
      lines.push([[-edge, latitude]]);
    }
    lines.at(-1)!.push(here);
  }
  return lines;
}

/** CSS pixels; a class is a step of width, so that few strokes draw many lines. */
export const CLASSES = 8;
export const classOf = (events: number): number =>
  Math.min(CLASSES - 1, Math.floor(Math.log2(Math.max(events, 1)) / 1.5));
export const widthOf = (kind: number): number => 0.7 + 0.45 * kind;
