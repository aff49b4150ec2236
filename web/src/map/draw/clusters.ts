/** Rows gathered in bunches that a finger can hit and an eye can count.
 *
 *  A bunch is a large cell of the world, or several whose circles would touch. Its identifier is that
 *  of its strongest cell, so it stays itself while the map is dragged and while it is zoomed a little. */

import { Grid, type Area, type Counted } from "./grid.ts";
import type { Patch } from "./patch.ts";
import type { Hit } from "./pick.ts";
import { HALF_WIDTH } from "./projection.ts";

export interface Cluster {
  /** Level, column and row of a cell. */
  readonly id: string;
  /** The middle of its rows, in world units. */
  readonly x: number;
  readonly y: number;
  readonly events: number;
  /** The same by layer. */
  readonly parts: readonly number[];
  /** Keys of its cells. */
  readonly cells: readonly number[];
}

const TARGET = 76; // CSS pixels of a cell, give or take a factor of the root of two
const ACROSS = 16; // cells round the world at level 0
const TOUCH = 0.85; // of the two radii

/** Half the width of a circle, in CSS pixels. */
export const radiusOf = (events: number): number => 9.5 + 3.6 * Math.log10(Math.max(events, 1));

export const levelOf = ({ scale, ratio }: Patch): number =>
  Math.round(Math.log2((scale / ratio) * ((2 * HALF_WIDTH) / ACROSS / TARGET)));

/** Cells per world unit. */
const finenessOf = (level: number): number => (ACROSS * 2 ** level) / (2 * HALF_WIDTH);

const grid = new Grid();

export function clustersOf(layers: readonly Counted[], patch: Patch): readonly Cluster[] {
  const level = levelOf(patch);
  const area = areaOf(patch, finenessOf(level));
  grid.count(layers, area);
  const cells: Cluster[] = [];
  for (let cell = 0; cell < grid.size; cell++) {
    if (grid.total(cell) > 0) cells.push(clusterOf(cell, layers.length, area, level));
  }
  cells.sort((a, b) => b.events - a.events || (a.id < b.id ? -1 : 1));
  return merged(cells, finenessOf(level) * TARGET);
}

/** The cells that the patch touches, and one more on each side. */
function areaOf({ scale, left, top, width, height }: Patch, fineness: number): Area {
  const cell = scale / fineness;
  const [first, above] = [Math.floor(left / cell) - 1, Math.floor(top / cell) - 1];
  return {
    scale: fineness, left: first, top: above,
    columns: Math.ceil((left + width) / cell) - first + 1, rows: Math.ceil((top + height) / cell) - above + 1,
  };
}

function clusterOf(cell: number, layers: number, area: Area, level: number): Cluster {
  const place = cell % (area.columns * area.rows); // coarse places come after the others
  const [column, row] = [(place % area.columns) + area.left, Math.floor(place / area.columns) + area.top];
  const parts = Array.from({ length: layers }, (_, layer) => grid.of(cell, layer));
  return {
    id: `${level}/${column}/${row}`, x: grid.x(cell), y: grid.y(cell), events: grid.total(cell), parts,
    cells: [keyOf(column, row)],
  };
}

const keyOf = (column: number, row: number): number => column * 0x10000 + row;

/** Strongest first, each takes in those that are in the same cell or would touch it. */
function merged(cells: readonly Cluster[], scale: number): Cluster[] {
  const found: Cluster[] = [];
  for (const cell of cells) {
    const host = found.findIndex((other) => other.cells.includes(cell.cells[0]) || touch(other, cell, scale));
    if (host < 0) found.push(cell);
    else found[host] = together(found[host], cell);
  }
  return found;
}

const touch = (a: Cluster, b: Cluster, scale: number): boolean =>
  Math.hypot(a.x - b.x, a.y - b.y) * scale < TOUCH * (radiusOf(a.events) + radiusOf(b.events));

function together(a: Cluster, b: Cluster): Cluster {
  const events = a.events + b.events;
  const mean = (p: number, q: number): number => (p * a.events + q * b.events) / events;
  return {
    id: a.id, x: mean(a.x, b.x), y: mean(a.y, b.y), events,
    parts: a.parts.map((part, layer) => part + b.parts[layer]), cells: [...a.cells, ...b.cells],
  };
}

/** The cluster at a point of the world; the nearer one where two overlap. */
export function clusterAt(clusters: readonly Cluster[], x: number, y: number, scale: number): Cluster | null {
  let [best, found] = [Infinity, null as Cluster | null];
  for (const cluster of clusters) {
    const distance = Math.hypot(cluster.x - x, cluster.y - y) * scale;
    if (distance < Math.min(best, radiusOf(cluster.events) + 2)) [best, found] = [distance, cluster];
  }
  return found;
}

/** The rows of a cluster, newest first within each layer. */
export function membersOf({ id, cells }: Cluster, layers: readonly Counted[]): Hit[] {
  const fineness = finenessOf(Number(id.split("/")[0]));
  const inside = new Set(cells);
  return layers.flatMap(({ columns: { x, y }, slice: [first, end] }, layer) => {
    const hits: Hit[] = [];
    let [column, row, within] = [NaN, NaN, false]; // rows come in runs of one cell
    for (let at = end - 1; at >= first; at--) {
      const [c, r] = [Math.floor(x[at] * fineness), Math.floor(y[at] * fineness)];
      if (c !== column || r !== row) [column, row, within] = [c, r, inside.has(keyOf(c, r))];
      if (within) hits.push({ layer, row: at });
    }
    return hits;
  });
}

export interface Extent {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** How far apart rows are. */
export function extentOf(hits: readonly Hit[], layers: readonly Counted[]): Extent {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { layer, row } of hits) {
    const { x, y } = layers[layer].columns;
    left = Math.min(left, x[row]);
    right = Math.max(right, x[row]);
    top = Math.min(top, y[row]);
    bottom = Math.max(bottom, y[row]);
  }
  return { left, top, right, bottom };
}
