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
}

interface Sprite {
  readonly reach: number;
  readonly mask: Uint8Array;
}

export class Sprites {
  readonly #made: Sprite[] = [];
  #shape: Shape = { ratio: 1, dot: 1, crowd: 0 };

  sized(ratio: number, dot: number, crowd: number): void {
    const now = this.#shape;
    if (ratio === now.ratio && dot === now.dot && crowd === now.crowd) return;
    this.#made.length = 0;
    this.#shape = { ratio, dot, crowd };
  }

  /** `ring`: only the country is known, and a dot would claim a street. The slice is in twelfths. */
  of(level: number, ring: boolean, from: number, to: number): Sprite {
    const key = ((from * 16 + to) * LEVELS + level) * 2 + +ring;
    return (this.#made[key] ??= sprite({ level, ring, from, to }, this.#shape));
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

export const within01 = (value: number): number => Math.min(1, Math.max(0, value));

function dotLight(distance: number, radius: number, outer: number): number {
  const fade = within01((outer - distance) / (outer - radius));
  return Math.max(within01(radius + 0.5 - distance), 0.24 * fade * fade);
}

const ringLight = (distance: number, radius: number, ratio: number): number =>
  Math.min(within01(radius + 0.5 - distance), within01(distance - radius + 1.8 * ratio));

/** Keeps the brighter of what is there and what comes, so the order of rows does not matter. */
export function blit(
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
