/** Points to pixels, on the CPU: analysts sit at remote desktops without a GPU.
 *
 *  Rows are counted in small cells that are anchored in the world, so that dots do not flicker while
 *  the map is dragged. Each occupied cell is stamped once, at the mean of its points, as a dot whose
 *  size and strength grow with the logarithm of the count. Layers that meet in a cell share the dot
 *  as slices of a pie by their counts, so none hides another. Same input, same pixels: tests compare
 *  a hash. */

import type { Columns } from "./columns.ts";
import type { Ramp } from "./palette.ts";
import { scaleOf, type Size, type View } from "./view.ts";

/** The rows of one layer that are to be drawn: [first, end) of the columns. */
export interface Drawn {
  readonly columns: Pick<Columns, "x" | "y" | "coarse">;
  readonly slice: readonly [first: number, end: number];
  readonly ramp: Ramp;
}

export interface Frame {
  readonly view: View;
  readonly size: Size;
  /** Device pixels per CSS pixel. */
  readonly ratio: number;
  /** How large dots are: smaller on a telephone, larger on a wall. */
  readonly dot: number;
}

const CELL = 4; // CSS pixels
const PAD = 4; // cells beyond each edge, so that half a dot can still look in
const ROOMY = 2_000; // occupied cells up to which dots have their full size and halo
const FULL = 16_000; // occupied cells from which dots are smallest and have no halo
const CROWD_STEPS = 8; // between the two, in steps too small to be seen
const LEVELS = 16;
const PARTS = 12; // slices of a pie come in twelfths, so that few sprites serve all

/** Cells of the screen with their counts per layer; kept between frames to spare the collector. */
class Grid {
  columns = 0;
  rows = 0;
  counts: Uint32Array[] = [];
  sumX = new Float32Array(0);
  sumY = new Float32Array(0);
  readonly touched: number[] = [];
  #seen = new Uint8Array(0);

  prepare(columns: number, rows: number, layers: number): void {
    this.columns = columns;
    this.rows = rows;
    const cells = columns * rows;
    if (this.#seen.length !== cells || this.counts.length !== layers) {
      this.counts = Array.from({ length: layers }, () => new Uint32Array(cells));
      this.sumX = new Float32Array(cells);
      this.sumY = new Float32Array(cells);
      this.#seen = new Uint8Array(cells);
      this.touched.length = 0;
    }
    this.clear();
  }

  clear(): void {
    for (const cell of this.touched) {
      for (const counts of this.counts) counts[cell] = 0;
      this.sumX[cell] = this.sumY[cell] = this.#seen[cell] = 0;
    }
    this.touched.length = 0;
  }

  add(layer: number, cell: number, x: number, y: number): void {
    if (this.#seen[cell] === 0) {
      this.#seen[cell] = 1;
      this.touched.push(cell);
    }
    this.counts[layer][cell]++;
    this.sumX[cell] += x;
    this.sumY[cell] += y;
  }

  /** How many layers have rows in the cell. */
  present(cell: number): number {
    let layers = 0;
    for (const counts of this.counts) layers += +(counts[cell] > 0);
    return layers;
  }

  total(cell: number): number {
    let sum = 0;
    for (const counts of this.counts) sum += counts[cell];
    return sum;
  }
}

/** The picture of all layers: RGBA, not premultiplied, as ImageData wants it. */
export class Raster {
  /** One for exact places, one for places of which only the country is known. */
  readonly #grids = [new Grid(), new Grid()] as const;
  readonly #sprites = new Sprites();
  #planes: Uint8Array[] = [];

  draw(layers: readonly Drawn[], frame: Frame, out: Uint32Array): void {
    const width = Math.round(frame.size.width * frame.ratio);
    const height = Math.round(frame.size.height * frame.ratio);
    this.#clear(layers.length, width * height);
    this.#count(layers, frame);
    const cells = this.#grids[0].touched.length + this.#grids[1].touched.length;
    this.#sprites.sized(frame.ratio, frame.dot, crowdOf(cells));
    const [exact, coarse] = this.#grids;
    this.#stamp(coarse, true, frame, width, height);
    this.#stamp(exact, false, frame, width, height);
    compose(this.#planes, layers.map((layer) => layer.ramp), out);
  }

  #clear(layers: number, pixels: number): void {
    if (this.#planes.length !== layers || this.#planes[0]?.length !== pixels) {
      this.#planes = Array.from({ length: layers }, () => new Uint8Array(pixels));
      return;
    }
    for (const plane of this.#planes) plane.fill(0);
  }

  #count(layers: readonly Drawn[], { view, size }: Frame): void {
    const scale = scaleOf(view, size) / CELL; // cells per world unit
    const left = Math.floor(view.x * scale - size.width / 2 / CELL) - PAD;
    const top = Math.floor(view.y * scale - size.height / 2 / CELL) - PAD;
    const columns = Math.ceil(size.width / CELL) + 2 * PAD + 1;
    const rows = Math.ceil(size.height / CELL) + 2 * PAD + 1;
    for (const grid of this.#grids) grid.prepare(columns, rows, layers.length);
    layers.forEach(({ columns: { x, y, coarse }, slice: [first, end] }, layer) => {
      for (let row = first; row < end; row++) {
        const column = Math.floor(x[row] * scale) - left;
        const line = Math.floor(y[row] * scale) - top;
        // Written so that NaN, a row without a place, falls through.
        if (!(column >= 0 && column < columns && line >= 0 && line < rows)) continue;
        const grid = this.#grids[coarse[row]];
        grid.add(layer, line * columns + column, x[row] - view.x, y[row] - view.y);
      }
    });
  }

  #stamp(grid: Grid, ring: boolean, frame: Frame, width: number, height: number): void {
    const scale = scaleOf(frame.view, frame.size) * frame.ratio;
    for (const cell of grid.touched) {
      const total = grid.total(cell);
      const px = Math.round((grid.sumX[cell] / total) * scale + width / 2);
      const py = Math.round((grid.sumY[cell] / total) * scale + height / 2);
      const look = { level: levelOf(total), ring };
      let left = grid.present(cell);
      let [rows, from] = [0, 0];
      for (let layer = 0; left > 0; layer++) {
        const here = grid.counts[layer][cell];
        if (here === 0) continue;
        rows += here;
        const to = sliceEnd(rows / total, from, --left);
        blit(this.#sprites.of({ ...look, from, to }), this.#planes[layer], width, height, px, py);
        from = to;
      }
    }
  }
}

/** Where a slice ends, in parts of a pie: at its share, but every layer keeps at least one part. */
const sliceEnd = (share: number, from: number, stillToCome: number): number =>
  Math.min(Math.max(Math.round(share * PARTS), from + 1), PARTS - stillToCome);

/** 0 where there is room, 1 where dots would run into one another (and cost too much to draw). */
const crowdOf = (cells: number): number =>
  Math.round(within01(Math.log2(cells / ROOMY) / Math.log2(FULL / ROOMY)) * CROWD_STEPS) / CROWD_STEPS;

/** 0 for one row, then one more for every doubling. */
const levelOf = (rows: number): number =>
  Math.min(LEVELS - 1, rows <= 1 ? 0 : 32 - Math.clz32(rows - 1));

/** Half the width of a dot, in CSS pixels. */
const radiusOf = (level: number): number => 1.9 + 0.68 * level;

const strengthOf = (level: number): number => Math.min(1, 0.5 + 0.06 * level);

interface Look {
  readonly level: number;
  /** Only the country is known: a ring, because a dot would claim a street. */
  readonly ring: boolean;
  /** The slice of the pie, in twelfths. */
  readonly from: number;
  readonly to: number;
}

/** What all sprites of a frame have in common. */
interface Shape {
  readonly ratio: number;
  readonly dot: number;
  readonly crowd: number;
}

interface Sprite {
  readonly reach: number;
  readonly mask: Uint8Array;
}

class Sprites {
  readonly #made = new Map<number, Sprite>();
  #shape: Shape = { ratio: 1, dot: 1, crowd: 0 };

  sized(ratio: number, dot: number, crowd: number): void {
    const now = this.#shape;
    if (ratio === now.ratio && dot === now.dot && crowd === now.crowd) return;
    this.#made.clear();
    this.#shape = { ratio, dot, crowd };
  }

  of(look: Look): Sprite {
    const { level, ring, from, to } = look;
    const key = ((from * 16 + to) * LEVELS + level) * 2 + +ring;
    const known = this.#made.get(key) ?? sprite(look, this.#shape);
    this.#made.set(key, known);
    return known;
  }
}

function sprite(look: Look, { ratio, dot, crowd }: Shape): Sprite {
  const radius = (radiusOf(look.level) + +look.ring) * dot * ratio * (1 - 0.3 * crowd);
  const outer = look.ring || crowd === 1 ? radius + 0.5 : radius * (2.2 - crowd);
  const reach = Math.ceil(outer);
  const side = 2 * reach + 1;
  const mask = new Uint8Array(side * side);
  for (let y = -reach; y <= reach; y++) {
    for (let x = -reach; x <= reach; x++) {
      if (!inSlice(x, y, look)) continue;
      const distance = Math.hypot(x, y);
      const light = look.ring ? ringLight(distance, radius, ratio) : dotLight(distance, radius, outer);
      mask[(y + reach) * side + x + reach] = Math.round(light * strengthOf(look.level) * 255);
    }
  }
  return { reach, mask };
}

/** Slices of a pie start at twelve o'clock and go round clockwise. */
function inSlice(x: number, y: number, { from, to }: Look): boolean {
  const turn = (Math.atan2(x, -y) / (2 * Math.PI) + 1) % 1;
  return turn * PARTS >= from && turn * PARTS < to;
}

const within01 = (value: number): number => Math.min(1, Math.max(0, value));

function dotLight(distance: number, radius: number, outer: number): number {
  const fade = within01((outer - distance) / (outer - radius));
  return Math.max(within01(radius + 0.5 - distance), 0.24 * fade * fade);
}

const ringLight = (distance: number, radius: number, ratio: number): number =>
  Math.min(within01(radius + 0.5 - distance), within01(distance - radius + 1.8 * ratio));

/** Keeps the brighter of what is there and what comes, so the order of rows does not matter. */
function blit(
  { reach, mask }: Sprite,
  plane: Uint8Array,
  width: number,
  height: number,
  px: number,
  py: number,
): void {
  const side = 2 * reach + 1;
  const fromX = Math.max(0, reach - px);
  const toX = Math.min(side, width - px + reach);
  const fromY = Math.max(0, reach - py);
  const toY = Math.min(side, height - py + reach);
  for (let y = fromY; y < toY; y++) {
    let at = (py - reach + y) * width + px - reach + fromX;
    let from = y * side + fromX;
    for (let x = fromX; x < toX; x++, at++, from++) {
      const light = mask[from];
      if (light > plane[at]) plane[at] = light;
    }
  }
}

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
