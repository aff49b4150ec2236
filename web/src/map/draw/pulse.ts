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
  const lines = linesOf(arc);
  let at = share * lines.reduce((sum, line) => sum + line.length - 1, 0);
  for (const line of lines) {
    const steps = line.length - 1;
    if (at <= steps) return between(line[Math.floor(at)], line[Math.ceil(at)], at % 1);
    at -= steps; // over the date line, where the next one begins
  }
  return null;
}

const between = (a: Arc["from"], b: Arc["from"], share: number): readonly [x: number, y: number] =>
  [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share];
