/** What part of the world is on the screen: pure values, all lengths in CSS pixels. */

import { HALF_HEIGHT, HALF_WIDTH } from "./projection.ts";

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** The world point in the middle of the screen, and how many times larger than the whole world. */
export interface View {
  readonly x: number;
  readonly y: number;
  readonly zoom: number;
}

export const WHOLE_WORLD: View = { x: 0, y: 0, zoom: 1 };
export const DEEPEST = 48; // GeoIP knows cities at best; closer would promise a street
const MARGIN = 14;
const CLOSER = 1.5; // a step that can be seen

const clamp = (value: number, low: number, high: number): number =>
  Math.min(Math.max(value, low), high);

/** Pixels per world unit. */
export function scaleOf(view: View, size: Size): number {
  const wide = Math.max(size.width - 2 * MARGIN, 50) / (2 * HALF_WIDTH);
  const high = Math.max(size.height - 2 * MARGIN, 50) / (2 * HALF_HEIGHT);
  return Math.min(wide, high) * view.zoom;
}

/** The nearest view that still shows the world and not the void. */
export function bounded(view: View, size: Size): View {
  const zoom = clamp(view.zoom, 1, DEEPEST);
  const scale = scaleOf({ ...view, zoom }, size);
  const reachX = Math.max(0, HALF_WIDTH - (size.width / 2 - MARGIN) / scale);
  const reachY = Math.max(0, HALF_HEIGHT - (size.height / 2 - MARGIN) / scale);
  return { x: clamp(view.x, -reachX, reachX), y: clamp(view.y, -reachY, reachY), zoom };
}

export function toScreen(view: View, size: Size, x: number, y: number): [number, number] {
  const scale = scaleOf(view, size);
  return [(x - view.x) * scale + size.width / 2, (y - view.y) * scale + size.height / 2];
}

export function toWorld(view: View, size: Size, px: number, py: number): [number, number] {
  const scale = scaleOf(view, size);
  return [(px - size.width / 2) / scale + view.x, (py - size.height / 2) / scale + view.y];
}

export function panned(view: View, size: Size, dx: number, dy: number): View {
  const scale = scaleOf(view, size);
  return bounded({ ...view, x: view.x - dx / scale, y: view.y - dy / scale }, size);
}

/** The view that shows a part of the world with room around it; never wider than the view before. */
export function fitting(
  box: { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number },
  size: Size, before: View,
): View {
  const unit = scaleOf({ ...before, zoom: 1 }, size);
  const [wide, high] = [(box.right - box.left) * unit, (box.bottom - box.top) * unit];
  const zoom = Math.min(size.width / 2 / Math.max(wide, 1e-9), size.height / 2 / Math.max(high, 1e-9));
  const middle = { x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 };
  return bounded({ ...middle, zoom: Math.max(zoom, before.zoom * CLOSER) }, size);
}

/** Zooms by a factor and keeps the world point under (px, py) where it is. */
export function zoomed(view: View, size: Size, factor: number, px: number, py: number): View {
  const [x, y] = toWorld(view, size, px, py);
  const closer = { ...view, zoom: clamp(view.zoom * factor, 1, DEEPEST) };
  const [nx, ny] = toWorld(closer, size, px, py);
  return bounded({ ...closer, x: closer.x + x - nx, y: closer.y + y - ny }, size);
}
