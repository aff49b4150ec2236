/** The piece of the world that is drawn at once: somewhat more than the screen shows.
 *
 *  While the map is dragged, finished pictures are only shifted; a new piece is drawn when the middle
 *  of the screen has moved on by a quarter of it. Pieces lie at fixed places, so what is drawn
 *  depends on the view alone and not on the way there. All lengths in device pixels, counted from
 *  the middle of the world. */

import { HALF_HEIGHT, HALF_WIDTH } from "./projection.ts";
import { scaleOf, type Size, type View } from "./view.ts";

export interface Patch {
  /** Device pixels per world unit. */
  readonly scale: number;
  /** Device pixels per CSS pixel. */
  readonly ratio: number;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

const STRIDE = 1 / 4; // of the screen

/** What the screen shows, and no more. */
export function patchOf(view: View, size: Size, ratio: number): Patch {
  const scale = scaleOf(view, size) * ratio;
  const [width, height] = [Math.round(size.width * ratio), Math.round(size.height * ratio)];
  const [left, top] = [Math.round(view.x * scale - width / 2), Math.round(view.y * scale - height / 2)];
  return { scale, ratio, left, top, width, height };
}

/** The piece that serves this view and those around it. */
export function patchAround(view: View, size: Size, ratio: number): Patch {
  const { scale, left, top, width, height } = patchOf(view, size, ratio);
  const [across, down] = [aligned(left, width, HALF_WIDTH * scale), aligned(top, height, HALF_HEIGHT * scale)];
  return { scale, ratio, left: across.from, top: down.from, width: across.length, height: down.length };
}

/** From a multiple of the stride, as long as any view from there to the next multiple needs. Where
 *  all of the world is on the screen there is nothing to drag. */
function aligned(from: number, length: number, half: number): { from: number; length: number } {
  if (half * 2 <= length) return { from, length };
  const stride = Math.max(1, Math.ceil(length * STRIDE));
  return { from: Math.floor(from / stride) * stride, length: length + stride };
}

export const samePatch = (a: Patch, b: Patch): boolean =>
  a.scale === b.scale && a.ratio === b.ratio && a.left === b.left && a.top === b.top
  && a.width === b.width && a.height === b.height;
