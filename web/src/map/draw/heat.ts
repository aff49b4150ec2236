/** How densely rows lie: counted at a third of the resolution, blurred, and coloured by the cube root. */

import type { Counted } from "./grid.ts";
import type { Ramp } from "./palette.ts";
import type { Patch } from "./patch.ts";

const CELL = 3; // CSS pixels
const RADIUS = 2; // cells of one blur
const PASSES = 5; // boxes, which together are nearly a bell: round even where a root shows its foot
/** What one event is worth at its own place after the blur: the middle of the bell. */
const PEAK = ((): number => {
  const reach = PASSES * RADIUS;
  let [line, next] = [new Float32Array(2 * reach + 1), new Float32Array(2 * reach + 1)];
  line[reach] = 1;
  for (let pass = 0; pass < PASSES; pass++) {
    blurAcross(line, next, line.length, 1);
    [line, next] = [next, line];
  }
  return line[reach] ** 2;
})();

export interface HeatPicture {
  readonly width: number;
  readonly height: number;
  /** Where the picture belongs on the patch, and how many of its pixels a cell is wide. */
  readonly left: number;
  readonly top: number;
  readonly cell: number;
  readonly pixels: Uint32Array<ArrayBuffer>;
  /** The colour at the end of the ramp stands for so many events at one spot. */
  readonly most: number;
}

export class Heat {
  #field = new Float32Array(0);
  #spare = new Float32Array(0);
  #sums = new Float64Array(0);
  #pixels = new Uint32Array(0);

  draw(layers: readonly Counted[], patch: Patch, ramp: Ramp): HeatPicture {
    const cell = CELL * patch.ratio;
    const [left, top] = [Math.floor(patch.left / cell), Math.floor(patch.top / cell)];
    const width = Math.ceil((patch.left + patch.width) / cell) - left;
    const height = Math.ceil((patch.top + patch.height) / cell) - top;
    this.#prepare(width * height, width);
    for (const each of layers) this.#add(each, patch.scale / cell, left, top, width, height);
    for (let pass = 0; pass < PASSES; pass++) {
      blurAcross(this.#field, this.#spare, width, height);
      blurDown(this.#spare, this.#field, this.#sums, width, height);
    }
    const most = roundUp(largest(this.#field) / PEAK);
    colour(this.#field, ramp, most, this.#pixels);
    const place = { left: left * cell - patch.left, top: top * cell - patch.top };
    return { width, height, ...place, cell, pixels: this.#pixels, most };
  }

  #prepare(cells: number, width: number): void {
    if (this.#field.length === cells && this.#sums.length === width) {
      this.#field.fill(0);
      return;
    }
    this.#field = new Float32Array(cells);
    this.#sums = new Float64Array(width);
    this.#spare = new Float32Array(cells);
    this.#pixels = new Uint32Array(cells);
  }

  #add({ columns: { x, y, weight }, slice: [first, end] }: Counted, scale: number, left: number, top: number,
    width: number, height: number): void {
    const field = this.#field;
    for (let row = first; row < end; row++) {
      const across = x[row] * scale - left;
      const down = y[row] * scale - top;
      if (!(across >= 0 && across < width && down >= 0 && down < height)) continue; // NaN, too
      field[(down | 0) * width + (across | 0)] += weight === null ? 1 : weight[row];
    }
  }
}

/** Running means along the lines; beyond the edges is nothing. */
function blurAcross(from: Float32Array, to: Float32Array, width: number, height: number): void {
  const share = 1 / (2 * RADIUS + 1);
  for (let line = 0; line < height; line++) {
    const start = line * width;
    const end = start + width;
    let sum = 0;
    for (let at = start; at < Math.min(start + RADIUS, end); at++) sum += from[at];
    for (let at = start; at < end; at++) {
      if (at + RADIUS < end) sum += from[at + RADIUS];
      to[at] = sum * share;
      if (at - RADIUS >= start) sum -= from[at - RADIUS];
    }
  }
}

/** The same down the columns, a whole line at a time, as memory likes it. */
function blurDown(from: Float32Array, to: Float32Array, sums: Float64Array, width: number, height: number): void {
  const share = 1 / (2 * RADIUS + 1);
  const reach = RADIUS * width;
  sums.fill(0);
  for (let at = 0; at < Math.min(reach, from.length); at++) sums[at % width] += from[at];
  for (let line = 0; line < height; line++) {
    const [comes, goes] = [line + RADIUS < height, line >= RADIUS];
    for (let column = 0, at = line * width; column < width; column++, at++) {
      const sum = sums[column] + (comes ? from[at + reach] : 0);
      to[at] = sum * share;
      sums[column] = goes ? sum - from[at - reach] : sum;
    }
  }
}

function largest(field: Float32Array): number {
  let most = 0;
  for (const value of field) if (value > most) most = value;
  return most;
}

/** Up to the next power of two: the legend and the colours hold still while the map is dragged. */
const roundUp = (events: number): number => 2 ** Math.max(2, Math.ceil(Math.log2(Math.max(events, 1) - 1e-3)));

const STEPS = 1_024;

/** A root of a root would cost more than the blur: colours are looked up by the square root. */
function colour(field: Float32Array, ramp: Ramp, most: number, pixels: Uint32Array): void {
  const table = Uint32Array.from({ length: STEPS }, (_, step) => ramp[Math.round(255 * (step / STEPS) ** (2 / 3))]);
  const unit = STEPS ** 2 / (PEAK * most);
  for (let at = 0; at < field.length; at++) {
    const heat = field[at] * unit;
    pixels[at] = heat < 1 ? 0 : table[Math.min(STEPS - 1, Math.sqrt(heat) | 0)];
  }
}
