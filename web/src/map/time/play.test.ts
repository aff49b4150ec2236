import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { advanced, opening, stepped, type Pace } from "./play.ts";
import type { Bins, Range } from "../data/slice.ts";

const bins: Bins = { from: 1_000, step: 100, count: 20 }; // up to 3,000
const once: Pace = { course: "window", loop: false };

const any = fc.record({
  bins: fc.record({ from: fc.integer({ min: 0, max: 1e6 }), step: fc.integer({ min: 1, max: 500 }), count: fc.integer({ min: 1, max: 200 }) }),
  course: fc.constantFrom("window", "growing"),
  by: fc.integer({ min: 1, max: 900 }),
});

function played(first: Range, by: number, on: Bins, pace: Pace): Range[] {
  const seen = [first];
  for (let next = advanced(first, by, on, pace); next !== null; next = advanced(next, by, on, pace)) seen.push(next);
  return seen;
}

describe("playing", () => {
  test("comes to the end of any logs, and shows nothing beyond them", () => {
    fc.assert(fc.property(any, ({ bins, course, by }) => {
      const end = bins.from + bins.count * bins.step;
      const seen = played(opening(null, bins, course as Pace["course"]), by * bins.step / 100, bins, { course: course as Pace["course"], loop: false });
      expect(seen.at(-1)!.to).toBe(end);
      expect(seen.every(({ from, to }) => from >= bins.from && from < to && to <= end)).toBe(true);
    }));
  });

  test("moves a window of the same width", () => {
    const seen = played({ from: 1_000, to: 1_400 }, 700, bins, once);
    expect(seen).toEqual([{ from: 1_000, to: 1_400 }, { from: 1_700, to: 2_100 }, { from: 2_400, to: 2_800 }, { from: 2_600, to: 3_000 }]);
  });

  test("lets everything since the start come in", () => {
    const seen = played(opening(null, bins, "growing"), 1_000, bins, { ...once, course: "growing" });
    expect(seen.map(({ from, to }) => [from, to])).toEqual([[1_000, 1_100], [1_000, 2_100], [1_000, 3_000]]);
  });

  test("begins where the range is, and again where that is at the end", () => {
    expect(opening({ from: 1_500, to: 1_600 }, bins, "window")).toEqual({ from: 1_500, to: 1_600 });
    expect(opening({ from: 2_900, to: 3_000 }, bins, "window")).toEqual({ from: 1_000, to: 1_100 });
    expect(opening(null, bins, "window")).toEqual({ from: 1_000, to: 2_200 });
  });

  test("loops where it is told to", () => {
    expect(advanced({ from: 2_800, to: 3_000 }, 50, bins, { ...once, loop: true })).toEqual({ from: 1_000, to: 1_200 });
  });
});

describe("a step", () => {
  test.each([
    [null, 1, 1_000, 1_100], [null, -1, 2_900, 3_000],
    [{ from: 1_000, to: 1_200 }, 1, 1_100, 1_300], [{ from: 1_000, to: 1_200 }, -1, 1_000, 1_200],
    [{ from: 1_130, to: 1_330 }, 1, 1_200, 1_400], [{ from: 2_900, to: 3_000 }, 1, 2_900, 3_000],
    [{ from: 0, to: 9_000 }, 1, 1_000, 3_000],
  ])("from %j by %i leads to %i–%i", (range, count, from, to) => expect(stepped(range, bins, count)).toEqual({ from, to }));
});
