/** Rows by time: every column is sorted, so a time range is a slice and a bin is two look-ups. */

/** Milliseconds since 1970, `from` included, `to` excluded. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** The first row that is not before `moment`. */
export function firstAt(time: Float64Array, moment: number): number {
  let [low, high] = [0, time.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (time[middle] < moment) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Rows of a range as [first, past the last]; no range means all rows, even those without a time. */
export function sliceOf(time: Float64Array, range: Range | null): [first: number, end: number] {
  return range === null ? [0, time.length] : [firstAt(time, range.from), firstAt(time, range.to)];
}

/** From the first to the last moment of several datasets, or null when none has one. */
export function extent(times: readonly Float64Array[]): Range | null {
  let [from, to] = [Infinity, -Infinity];
  for (const time of times) {
    const first = firstAt(time, Number.MIN_SAFE_INTEGER);
    if (first === time.length) continue;
    from = Math.min(from, time[first]);
    to = Math.max(to, time[time.length - 1] + 1);
  }
  return from < to ? { from, to } : null;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [
  1_000, 5_000, 15_000, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
  HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY,
];

/** The smallest round step that covers the range in at most `most` parts. */
export function stepFor(range: Range, most: number): number {
  const least = (range.to - range.from) / most;
  return STEPS.find((step) => step >= least) ?? Math.ceil(least / (28 * DAY)) * 28 * DAY;
}

export interface Bins {
  readonly from: number;
  readonly step: number;
  readonly count: number;
}

/** Bins on round UTC moments that together hold the whole range. */
export function binsFor(range: Range, most: number): Bins {
  // One bin fewer than asked: rounding the first down may add one.
  const step = stepFor(range, Math.max(most - 1, 1));
  const from = Math.floor(range.from / step) * step;
  return { from, step, count: Math.max(1, Math.ceil((range.to - from) / step)) };
}

export function countsIn(time: Float64Array, bins: Bins): Uint32Array {
  const counts = new Uint32Array(bins.count);
  let first = firstAt(time, bins.from);
  for (let bin = 0; bin < bins.count; bin++) {
    const next = firstAt(time, bins.from + (bin + 1) * bins.step);
    counts[bin] = next - first;
    first = next;
  }
  return counts;
}
