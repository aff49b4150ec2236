/** Lights that move along the lines, from where it came to where it went. */

import type { Arc, Bundle } from "./arcs.ts";
import { linesOf } from "./pictures.ts";
import type { Patch } from "./patch.ts";

const MOST = 150; // the strongest: more is a swarm
const ROUND = 6_000; // milliseconds from end to end
const GOLDEN = 0.618034; // lights that start one such part of the way apart never bunch up
export const BEAT = 50; // milliseconds between two frames: slow lights need no more

/** Draws every light where it is at a moment; lengths in CSS pixels of the screen. */
export function pulses(
  context: CanvasRenderingContext2D, { scale, ratio, left, top }: Patch,
  { bundle, colours }: { readonly bundle: Bundle; readonly colours: readonly string[] }, moment: number,
): void {
  bundle.arcs.slice(0, MOST).forEach((arc, i) => {
    const place = along(arc, (moment / ROUND + i * GOLDEN) % 1);
    if (place === null) return;
    context.fillStyle = colours[arc.layer];
    context.beginPath();
    context.arc((place[0] * scale - left) / ratio, (place[1] * scale - top) / ratio, 2.2, 0, 2 * Math.PI);
    context.fill();
  });
}

/** The point that lies so far along an arc, 0 to 1. */
export function along(arc: Arc, share: number): readonly [x: number, y: number] | null {
  const points = linesOf(arc).flat();
  if (points.length === 0) return null;
  const at = share * (points.length - 1);
  const [a, b] = [points[Math.floor(at)], points[Math.ceil(at)]];
  if (Math.abs(b[0] - a[0]) > 1) return a; // over the date line: not across the map
  const rest = at - Math.floor(at);
  return [a[0] + (b[0] - a[0]) * rest, a[1] + (b[1] - a[1]) * rest];
}
