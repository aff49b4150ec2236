import { describe, expect, test } from "vitest";
import { binsFor, countsIn, extent, firstAt, sliceOf, stepFor } from "./slice.ts";

const HOUR = 3_600_000;
const time = Float64Array.of(-Infinity, 10, 20, 20, 30);

describe("a slice", () => {
  test("takes its start and leaves its end", () => {
    expect(sliceOf(time, { from: 20, to: 30 })).toEqual([2, 4]);
    expect(sliceOf(time, { from: 0, to: 99 })).toEqual([1, 5]);
    expect(sliceOf(time, { from: 21, to: 22 })).toEqual([4, 4]);
  });

  test("without a range is everything, rows without a time too", () => {
    expect(sliceOf(time, null)).toEqual([0, 5]);
    expect(sliceOf(new Float64Array(), { from: 0, to: 1 })).toEqual([0, 0]);
  });

  test("agrees with a plain count", () => {
    const many = Float64Array.from({ length: 500 }, (_, i) => (i * 7_919) % 1_000).sort();
    for (const moment of [-1, 0, 1, 500, 999, 1_000]) {
      expect(firstAt(many, moment)).toBe(many.filter((value) => value < moment).length);
    }
  });
});

describe("the extent", () => {
  test("spans all datasets and holds the last row", () => {
    expect(extent([time, Float64Array.of(5)])).toEqual({ from: 5, to: 31 });
  });

  test("is null without times", () => {
    expect(extent([])).toBeNull();
    expect(extent([new Float64Array(), Float64Array.of(-Infinity)])).toBeNull();
  });
});

describe("bins", () => {
  test("lie on round UTC moments and cover the range", () => {
    const range = { from: Date.UTC(2026, 10, 18, 3, 17), to: Date.UTC(2026, 10, 21, 3, 29) };
    const bins = binsFor(range, 80);
    expect(bins.step).toBe(HOUR);
    expect(new Date(bins.from).toISOString()).toBe("2026-11-18T03:00:00.000Z");
    expect(bins.from + bins.count * bins.step).toBeGreaterThanOrEqual(range.to);
    expect(bins.count).toBeLessThanOrEqual(80);
  });

  test("count every row once", () => {
    const many = Float64Array.from({ length: 1_000 }, (_, i) => i * 61_000);
    const bins = binsFor(extent([many])!, 50);
    expect(countsIn(many, bins).reduce((a, b) => a + b)).toBe(1_000);
  });

  test("are few for a century and one for a moment", () => {
    expect(stepFor({ from: 0, to: 100 * 365 * 24 * HOUR }, 60) % (24 * HOUR)).toBe(0);
    expect(binsFor({ from: 5, to: 6 }, 60).count).toBe(1);
  });
});
