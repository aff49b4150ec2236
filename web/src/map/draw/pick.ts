/** Which rows are under the pointer. A scan of 200,000 rows takes 2 ms: no index to keep in step. */

import type { Columns } from "../data/columns.ts";
import { scaleOf, toWorld, type Size, type View } from "./view.ts";

export interface Candidate {
  readonly columns: Pick<Columns, "x" | "y" | "time" | "start">;
  readonly slice: readonly [first: number, end: number];
}

/** One row: the layer's position among the candidates, and the row in its columns. */
export interface Hit {
  readonly layer: number;
  readonly row: number;
}

/** All rows of one spot, newest first. */
export interface Spot {
  readonly x: number;
  readonly y: number;
  readonly hits: readonly Hit[];
  /** What it is called, when the rows alone do not say it. */
  readonly title?: string;
  readonly note?: string;
  /** CSS pixels of the ring round it, unless it is the usual one. */
  readonly reach?: number;
  /** The country that it is, instead of a ring. */
  readonly country?: string;
}

const REACH = 11; // CSS pixels from the pointer to the nearest row
export const SAME_SPOT = 3; // CSS pixels from there: what looks like one dot is one spot

export function pick(
  candidates: readonly Candidate[], view: View, size: Size, px: number, py: number,
): Spot | null {
  const [x, y] = toWorld(view, size, px, py);
  const scale = scaleOf(view, size);
  const nearest = nearestTo(candidates, x, y, REACH / scale);
  if (nearest === null) return null;
  const hits = candidates.flatMap((candidate, layer) =>
    within(candidate, nearest.x, nearest.y, SAME_SPOT / scale).map((row) => ({ layer, row })),
  );
  return { ...nearest, hits: newestFirst(hits, candidates) };
}

/** Sorts rows that are newest first within each layer, which a single layer then already is. */
export function newestFirst(
  hits: Hit[], candidates: readonly { readonly columns: Pick<Columns, "time"> }[],
): readonly Hit[] {
  if (hits.length === 0 || hits[0].layer === hits.at(-1)!.layer) return hits;
  const timeOf = ({ layer, row }: Hit): number => candidates[layer].columns.time[row];
  return hits.sort((a, b) => (timeOf(a) === timeOf(b) ? 0 : timeOf(a) < timeOf(b) ? 1 : -1));
}

function nearestTo(candidates: readonly Candidate[], x: number, y: number, reach: number):
  { x: number; y: number } | null {
  let best = reach * reach;
  let found: { x: number; y: number } | null = null;
  for (const { columns, slice: [first, end] } of candidates) {
    for (let row = first; row < end; row++) {
      const dx = columns.x[row] - x;
      const dy = columns.y[row] - y;
      const distance = dx * dx + dy * dy;
      // Not the other way round: a row without a place is at NaN, which is below nothing.
      if (!(distance < best)) continue;
      best = distance;
      found = { x: columns.x[row], y: columns.y[row] };
    }
  }
  return found;
}

function within({ columns, slice: [first, end] }: Candidate, x: number, y: number, reach: number): number[] {
  const rows: number[] = [];
  for (let row = end - 1; row >= first; row--) {
    const dx = columns.x[row] - x;
    const dy = columns.y[row] - y;
    if (dx * dx + dy * dy <= reach * reach) rows.push(row);
  }
  return rows;
}
