/** Points to pixels, on the CPU: analysts sit at remote desktops without a GPU.
 *
 *  Each occupied cell of the grid is stamped once, at the mean of its points, as a dot whose size and
 *  strength grow with the logarithm of the count. Layers that meet in a cell share the dot as slices
 *  of a pie by their counts, so none hides another. Same input, same pixels: tests compare a hash. */

import { Grid, type Area, type Counted } from "./grid.ts";
import type { Ramp } from "./palette.ts";
import type { Patch } from "./patch.ts";
import { blit, levelOf, PARTS, Sprites, within01 } from "./sprites.ts";

export interface Drawn extends Counted {
  readonly ramp: Ramp;
}

const CELL = 4; // CSS pixels
const PAD = 4; // cells beyond each edge, so that half a dot can still look in
const ROOMY = 2_000; // occupied cells per screen up to which dots have their full size and halo
const FULL = 16_000; // occupied cells from which dots are smallest and have no halo
const CROWD_STEPS = 8; // between the two, in steps too small to be seen

/** The picture of all layers: RGBA, not premultiplied, as ImageData wants it. */
export class Raster {
  readonly #grid = new Grid();
  readonly #sprites = new Sprites();
  #planes: Uint8Array[] = [];

  /** `dot` says how large dots are: smaller on a telephone, larger on a wall. */
  draw(layers: readonly Drawn[], patch: Patch, dot: number, out: Uint32Array): void {
    this.#clear(layers.length, patch.width * patch.height);
    this.#grid.count(layers, areaOf(patch));
    const { size, occupied } = this.#grid;
    this.#sprites.sized({ ratio: patch.ratio, dot, crowd: crowdOf(occupied), width: patch.width });
    for (let cell = 0; cell < size; cell++) this.#stamp(cell, patch);
    compose(this.#planes, layers.map((layer) => layer.ramp), out);
  }

  #clear(layers: number, pixels: number): void {
    if (this.#planes.length !== layers || this.#planes[0]?.length !== pixels) {
      this.#planes = Array.from({ length: layers }, () => new Uint8Array(pixels));
      return;
    }
    for (const plane of this.#planes) plane.fill(0);
  }

  #stamp(cell: number, { scale, left, top, width, height }: Patch): void {
    const grid = this.#grid;
    const total = grid.total(cell);
    if (total === 0) return;
    const px = Math.round(grid.x(cell) * scale) - left;
    const py = Math.round(grid.y(cell) * scale) - top;
    const [level, ring] = [levelOf(total), grid.isCoarse(cell)];
    let toCome = grid.present(cell);
    let [events, from] = [0, 0];
    for (let layer = 0; toCome > 0; layer++) {
      const here = grid.of(cell, layer);
      if (here === 0) continue;
      events += here;
      const to = sliceEnd(events / total, from, --toCome);
      blit(this.#sprites.of(level, ring, from, to), this.#planes[layer], width, height, px, py);
      from = to;
    }
  }
}

function areaOf({ scale, ratio, left, top, width, height }: Patch): Area {
  const cell = CELL * ratio;
  return {
    scale: scale / cell,
    left: Math.floor(left / cell) - PAD,
    top: Math.floor(top / cell) - PAD,
    columns: Math.ceil(width / cell) + 2 * PAD + 1,
    rows: Math.ceil(height / cell) + 2 * PAD + 1,
  };
}

/** Where a slice ends, in parts of a pie: at its share, but every layer keeps at least one part. */
const sliceEnd = (share: number, from: number, stillToCome: number): number =>
  Math.min(Math.max(Math.round(share * PARTS), from + 1), PARTS - stillToCome);

/** 0 where there is room, 1 where dots would run into one another (and cost too much to draw). */
const crowdOf = (cells: number): number =>
  Math.round(within01(Math.log2(cells / ROOMY) / Math.log2(FULL / ROOMY)) * CROWD_STEPS) / CROWD_STEPS;

/** Colours the planes. Most of a map is sea: four empty pixels cost one look. */
function compose(planes: readonly Uint8Array[], ramps: readonly Ramp[], out: Uint32Array): void {
  out.fill(0);
  const shared: number[] = [];
  planes.forEach((plane, layer) => {
    const ramp = ramps[layer];
    const quads = new Uint32Array(plane.buffer, 0, plane.length >> 2);
    const colour = (pixel: number): void => {
      const light = plane[pixel];
      if (light === 0) return;
      if (out[pixel] === 0) out[pixel] = ramp[light];
      else shared.push(pixel);
    };
    for (let quad = 0; quad < quads.length; quad++) {
      if (quads[quad] === 0) continue;
      for (let pixel = quad * 4; pixel < quad * 4 + 4; pixel++) colour(pixel);
    }
    for (let pixel = quads.length * 4; pixel < plane.length; pixel++) colour(pixel);
  });
  for (const pixel of shared) out[pixel] = stacked(planes, ramps, pixel);
}

/** Where layers overlap the faintest is on top: few rows beside many stay visible, and no layer
 *  always hides another. */
function stacked(planes: readonly Uint8Array[], ramps: readonly Ramp[], pixel: number): number {
  let result = 0;
  for (let light = brightest(planes, pixel, 256); light > 0; light = brightest(planes, pixel, light)) {
    planes.forEach((plane, layer) => {
      if (plane[pixel] === light) result = result === 0 ? ramps[layer][light] : over(result, ramps[layer][light]);
    });
  }
  return result;
}

/** The most light of any layer at a pixel that is below a bound. */
function brightest(planes: readonly Uint8Array[], pixel: number, below: number): number {
  let most = 0;
  for (const plane of planes) if (plane[pixel] < below && plane[pixel] > most) most = plane[pixel];
  return most;
}

/** Porter and Duff's "over" of two little-endian RGBA pixels that are not premultiplied. */
function over(below: number, above: number): number {
  const a = (above >>> 24) / 255;
  const b = ((below >>> 24) / 255) * (1 - a);
  const alpha = a + b;
  let pixel = Math.round(alpha * 255) << 24;
  for (let shift = 0; shift < 24; shift += 8) {
    const mixed = (((above >>> shift) & 255) * a + ((below >>> shift) & 255) * b) / alpha;
    pixel |= Math.round(mixed) << shift;
  }
  return pixel >>> 0;
}
