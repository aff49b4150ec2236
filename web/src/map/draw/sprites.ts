/** The shapes that are stamped: dots that grow with the logarithm of the count, whole or as slices of
 *  a pie, and rings where only the country is known. Each is made once. */

const LEVELS = 16;
export const PARTS = 12; // slices of a pie come in twelfths, so that few sprites serve all

/** 0 for one event, then one more for every doubling. */
export const levelOf = (events: number): number =>
  events <= 1 ? 0 : Math.min(LEVELS - 1, 32 - Math.clz32(Math.min(events, 1 << LEVELS) - 1));

/** Half the width of a dot, in CSS pixels. */
const radiusOf = (level: number): number => 1.9 + 0.68 * level;

const strengthOf = (level: number): number => Math.min(1, 0.5 + 0.06 * level);

interface Look {
  readonly level: number;
  readonly ring: boolean;
  readonly from: number;
  readonly to: number;
}

/** What all sprites of a frame have in common. */
interface Shape {
  readonly ratio: number;
  readonly dot: number;
  readonly crowd: number;
  /** Pixels in a line of the picture. */
  readonly width: number;
}

/** The pixels that are not dark: how far from the middle, and how light. */
interface Sprite {
  readonly reach: number;
  readonly x: Int16Array;
  readonly y: Int16Array;
  /** The same distance as a number of pixels of the picture. */
  readonly offset: Int32Array;
  readonly light: Uint8Array;
}

export class Sprites {
  readonly #made: Sprite[] = [];
  #shape: Shape = { ratio: 1, dot: 1, crowd: 0, width: 0 };

  sized(shape: Shape): void {
    const now = this.#shape;
    const same = shape.ratio === now.ratio && shape.dot === now.dot;
    if (same && shape.crowd === now.crowd && shape.width === now.width) return;
    this.#made.length = 0;
    this.#shape = shape;
  }

  /** `ring`: only the country is known, and a dot would claim a street. The slice is in twelfths. */
  of(level: number, ring: boolean, from: number, to: number): Sprite {
    const key = ((from * 16 + to) * LEVELS + level) * 2 + +ring;
    return (this.#made[key] ??= sprite({ level, ring, from, to }, this.#shape));
  }
}

function sprite(look: Look, { ratio, dot, crowd, width }: Shape): Sprite {
  const radius = (radiusOf(look.level) + +look.ring) * dot * ratio * (1 - 0.3 * crowd);
  const outer = look.ring || crowd === 1 ? radius + 0.5 : radius * (2.2 - crowd);
  const reach = Math.ceil(outer);
  const lit: (readonly [x: number, y: number, light: number])[] = [];
  for (let y = -reach; y <= reach; y++) {
    for (let x = -reach; x <= reach; x++) {
      if (!inSlice(x, y, look)) continue;
      const distance = Math.hypot(x, y);
      const light = look.ring ? ringLight(distance, radius, ratio) : dotLight(distance, radius, outer);
      const level = Math.round(light * strengthOf(look.level) * 255);
      if (level > 0) lit.push([x, y, level]);
    }
  }
  return {
    reach, x: Int16Array.from(lit, ([x]) => x), y: Int16Array.from(lit, ([, y]) => y),
    offset: Int32Array.from(lit, ([x, y]) => y * width + x), light: Uint8Array.from(lit, ([, , light]) => light),
  };
}

/** Slices of a pie start at twelve o'clock and go round clockwise. */
function inSlice(x: number, y: number, { from, to }: Look): boolean {
  const turn = (Math.atan2(x, -y) / (2 * Math.PI) + 1) % 1;
  return turn * PARTS >= from && turn * PARTS < to;
}

export const within01 = (value: number): number => Math.min(1, Math.max(0, value));

function dotLight(distance: number, radius: number, outer: number): number {
  const fade = within01((outer - distance) / (outer - radius));
  return Math.max(within01(radius + 0.5 - distance), 0.24 * fade * fade);
}

const ringLight = (distance: number, radius: number, ratio: number): number =>
  Math.min(within01(radius + 0.5 - distance), within01(distance - radius + 1.8 * ratio));

/** Keeps the brighter of what is there and what comes, so the order of rows does not matter. */
export function blit(sprite: Sprite, plane: Uint8Array, width: number, height: number, px: number, py: number): void {
  const { reach, offset, light } = sprite;
  const whole = px >= reach && py >= reach && px < width - reach && py < height - reach;
  if (!whole) return blitAtEdge(sprite, plane, width, height, px, py);
  const middle = py * width + px;
  for (let i = 0; i < light.length; i++) {
    const at = middle + offset[i];
    if (light[i] > plane[at]) plane[at] = light[i];
  }
}

function blitAtEdge(
  { x, y, light }: Sprite, plane: Uint8Array, width: number, height: number, px: number, py: number,
): void {
  for (let i = 0; i < light.length; i++) {
    const [atX, atY] = [px + x[i], py + y[i]];
    if (atX < 0 || atX >= width || atY < 0 || atY >= height) continue;
    const at = atY * width + atX;
    if (light[i] > plane[at]) plane[at] = light[i];
  }
}
