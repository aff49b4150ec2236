/** Rows counted in small cells that are anchored in the world, so that nothing flickers while the
 *  map is dragged. A row counts as many events as it stands for. */

import type { Columns } from "../data/columns.ts";

/** The rows of one layer that are to be counted: [first, end) of the columns. */
export interface Counted {
  readonly columns: Pick<Columns, "x" | "y" | "coarse" | "weight">;
  readonly slice: readonly [first: number, end: number];
}

/** Whole cells: how many per world unit, and which of them. */
export interface Area {
  readonly scale: number;
  readonly left: number;
  readonly top: number;
  readonly columns: number;
  readonly rows: number;
}

// Places are summed as whole numbers: exact, in whatever order rows come and go.
const GRAIN = 2 ** 24;
// What is known of a cell lies side by side: one row costs one visit to memory.
const [TOTAL, SUM_X, SUM_Y, LAYERS] = [0, 1, 2, 3];

/** Kept between frames to spare the collector. Cells of places that are known by country alone are
 *  apart from the others, and come after them. */
export class Grid {
  #area: Area = { scale: 0, left: 0, top: 0, columns: 0, rows: 0 };
  #stride = 0;
  #cells = new Float64Array(0);
  #occupied = 0;
  #counted: readonly Counted[] = [];

  /** How many cells have rows. */
  get occupied(): number {
    return this.#occupied;
  }

  /** How many cells there are, with rows or without: the order of their numbers is that of memory. */
  get size(): number {
    return this.#area.columns * this.#area.rows * 2;
  }

  isCoarse(cell: number): boolean {
    return cell >= this.#area.columns * this.#area.rows;
  }

  /** How many events there are. */
  total(cell: number): number {
    return this.#cells[cell * this.#stride + TOTAL];
  }

  of(cell: number, layer: number): number {
    return this.#cells[cell * this.#stride + LAYERS + layer];
  }

  /** The mean of the places, in world units. */
  x(cell: number): number {
    return this.#cells[cell * this.#stride + SUM_X] / (this.total(cell) * GRAIN);
  }

  y(cell: number): number {
    return this.#cells[cell * this.#stride + SUM_Y] / (this.total(cell) * GRAIN);
  }

  /** How many layers have rows in the cell. */
  present(cell: number): number {
    let layers = 0;
    const from = cell * this.#stride + LAYERS;
    for (let at = from; at < from + this.#stride - LAYERS; at++) layers += +(this.#cells[at] > 0);
    return layers;
  }

  count(layers: readonly Counted[], area: Area): void {
    if (this.#isLike(layers, area)) this.#follow(layers);
    else this.#recount(layers, area);
    this.#counted = layers.map(({ columns, slice }) => ({ columns, slice }));
  }

  /** Whether these are the rows of the last time, but for their slices. */
  #isLike(layers: readonly Counted[], area: Area): boolean {
    const before = this.#counted;
    return sameArea(area, this.#area) && layers.length === before.length
      && layers.every(({ columns: { x, y, weight } }, layer) => {
        const { columns } = before[layer];
        return x === columns.x && y === columns.y && weight === columns.weight;
      });
  }

  /** A brush moves by a few rows: those that came are added, those that went are taken away. */
  #follow(layers: readonly Counted[]): void {
    const ways = layers.map(({ columns, slice: [first, end] }, layer) => {
      const [was, wasEnd] = this.#counted[layer].slice;
      const apart = first >= wasEnd || end <= was;
      return {
        columns, layer,
        came: apart ? [[first, end]] : [[first, was], [wasEnd, end]],
        went: apart ? [[was, wasEnd]] : [[was, first], [end, wasEnd]],
      };
    });
    for (const { columns, layer, came } of ways) for (const [from, to] of came) this.#add(columns, from, to, layer, 1);
    for (const { columns, layer, went } of ways) for (const [from, to] of went) this.#add(columns, from, to, layer, -1);
  }

  #recount(layers: readonly Counted[], area: Area): void {
    const [stride, cells] = [layers.length + LAYERS, area.columns * area.rows * 2];
    if (this.#cells.length === cells * stride && this.#stride === stride) this.#cells.fill(0);
    else this.#cells = new Float64Array(cells * stride);
    this.#area = area;
    this.#stride = stride;
    this.#occupied = 0;
    layers.forEach(({ columns, slice: [first, end] }, layer) => this.#add(columns, first, end, layer, 1));
  }

  /** Adds rows, or takes them away, by the sign. */
  #add({ x, y, coarse, weight }: Counted["columns"], first: number, end: number, layer: number, sign: 1 | -1): void {
    // The loop of the page: everything it needs is a local.
    const { scale, left, top, columns, rows } = this.#area;
    const [cells, stride, plane] = [this.#cells, this.#stride, columns * rows];
    let occupied = this.#occupied;
    for (let row = first; row < end; row++) {
      const across = x[row] * scale - left;
      const down = y[row] * scale - top;
      // Written so that NaN, a row without a place, falls through.
      if (!(across >= 0 && across < columns && down >= 0 && down < rows)) continue;
      const cell = (down | 0) * columns + (across | 0) + coarse[row] * plane;
      const at = cell * stride;
      const events = weight === null ? sign : sign * weight[row];
      if (cells[at] === 0) occupied++;
      cells[at] += events;
      if (cells[at] === 0) occupied--;
      cells[at + SUM_X] += Math.round(x[row] * GRAIN) * events;
      cells[at + SUM_Y] += Math.round(y[row] * GRAIN) * events;
      cells[at + LAYERS + layer] += events;
    }
    this.#occupied = occupied;
  }
}

const sameArea = (a: Area, b: Area): boolean =>
  a.scale === b.scale && a.left === b.left && a.top === b.top && a.columns === b.columns && a.rows === b.rows;
