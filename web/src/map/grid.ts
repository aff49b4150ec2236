/** Rows counted in small cells that are anchored in the world, so that nothing flickers while the
 *  map is dragged. A row counts as many events as it stands for. */

import type { Columns } from "./columns.ts";

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

// What is known of a cell lies side by side: one row costs one visit to memory.
const [TOTAL, SUM_X, SUM_Y, LAYERS] = [0, 1, 2, 3];

/** Kept between frames to spare the collector. Cells of places that are known by country alone are
 *  apart from the others, and come after them. */
export class Grid {
  #area: Area = { scale: 0, left: 0, top: 0, columns: 0, rows: 0 };
  #stride = 0;
  #cells = new Float64Array(0);
  #touched = new Uint32Array(0);
  #used = 0;

  /** Cells with rows, by their number; the order is that of the rows. */
  get touched(): Uint32Array {
    return this.#touched.subarray(0, this.#used);
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
    return this.#cells[cell * this.#stride + SUM_X] / this.total(cell);
  }

  y(cell: number): number {
    return this.#cells[cell * this.#stride + SUM_Y] / this.total(cell);
  }

  /** How many layers have rows in the cell. */
  present(cell: number): number {
    let layers = 0;
    const from = cell * this.#stride + LAYERS;
    for (let at = from; at < from + this.#stride - LAYERS; at++) layers += +(this.#cells[at] > 0);
    return layers;
  }

  count(layers: readonly Counted[], area: Area): void {
    this.#prepare(layers.length, area);
    layers.forEach((counted, layer) => this.#add(counted, layer));
  }

  #prepare(layers: number, area: Area): void {
    const [stride, cells] = [layers + LAYERS, area.columns * area.rows * 2];
    if (this.#cells.length === cells * stride && this.#stride === stride) {
      for (const cell of this.touched) this.#cells.fill(0, cell * stride, (cell + 1) * stride);
    } else {
      this.#cells = new Float64Array(cells * stride);
      this.#touched = new Uint32Array(cells);
    }
    this.#area = area;
    this.#stride = stride;
    this.#used = 0;
  }

  #add({ columns: { x, y, coarse, weight }, slice: [first, end] }: Counted, layer: number): void {
    // The loop of the page: everything it needs is a local.
    const { scale, left, top, columns, rows } = this.#area;
    const [cells, touched, stride, plane] = [this.#cells, this.#touched, this.#stride, columns * rows];
    let used = this.#used;
    for (let row = first; row < end; row++) {
      const across = x[row] * scale - left;
      const down = y[row] * scale - top;
      // Written so that NaN, a row without a place, falls through.
      if (!(across >= 0 && across < columns && down >= 0 && down < rows)) continue;
      const cell = (down | 0) * columns + (across | 0) + coarse[row] * plane;
      const at = cell * stride;
      const events = weight === null ? 1 : weight[row];
      if (cells[at] === 0) touched[used++] = cell;
      cells[at] += events;
      cells[at + SUM_X] += x[row] * events;
      cells[at + SUM_Y] += y[row] * events;
      cells[at + LAYERS + layer] += events;
    }
    this.#used = used;
  }
}
