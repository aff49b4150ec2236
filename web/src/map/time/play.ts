/** Where the time range goes while it plays. Pure. */

import type { Bins, Range } from "../data/slice.ts";

/** A window moves along, or everything since the start comes in. */
export type Course = "window" | "growing";

export interface Pace {
  readonly course: Course;
  /** Begin again at the end, or stop there. */
  readonly loop: boolean;
}

const WINDOW = 12; // bins, where the analyst chose no range

export const extentOf = (bins: Bins): Range => ({ from: bins.from, to: bins.from + bins.count * bins.step });

/** What is shown first: the range as it is, unless there is none, or it is at the end already. */
export function opening(range: Range | null, bins: Bins, course: Course): Range {
  const all = extentOf(bins);
  const width = range === null ? Math.min(WINDOW, bins.count) * bins.step : range.to - range.from;
  if (course === "growing") {
    return { from: all.from, to: range !== null && range.to < all.to ? range.to : all.from + bins.step };
  }
  return range !== null && range.to < all.to && range.from >= all.from ? range : { from: all.from, to: all.from + width };
}

/** The range after `by` more milliseconds of the logs; null at the end, where it does not loop. */
export function advanced(range: Range, by: number, bins: Bins, { course, loop }: Pace): Range | null {
  const all = extentOf(bins);
  if (range.to >= all.to) return loop ? opening(range, bins, course) : null;
  const to = Math.min(range.to + by, all.to);
  return { from: course === "growing" ? all.from : range.from + to - range.to, to };
}

/** The range moved by whole bins, onto their edges, and no further than the logs go. */
export function stepped(range: Range | null, bins: Bins, count: number): Range {
  const all = extentOf(bins);
  if (range === null) {
    const from = count > 0 ? all.from : all.to - bins.step;
    return { from, to: from + bins.step };
  }
  const width = Math.min(range.to - range.from, all.to - all.from);
  const edge = all.from + (Math.round((range.from - all.from) / bins.step) + count) * bins.step;
  const from = Math.min(Math.max(edge, all.from), all.to - width);
  return { from, to: from + width };
}
