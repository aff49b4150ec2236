import { expect, test } from "vitest";
import type { Summary } from "./api.ts";
import { filtered, lasted, rounds, sorted, tallied, worst } from "./figures.ts";

const NOW = Date.UTC(2026, 10, 21, 12);

function summary(odd: Partial<Summary>): Summary {
  return {
    id: "da1_1", title: "Suspicious file", severity: "Medium", device: "desk-1.corp.example", stage: "done",
    opened: "2026-11-21T10:00:00Z", verdicts: [], asked: [], reason: null, ...odd,
  };
}

const ids = (cases: readonly Summary[]): string => cases.map(({ id }) => id).join("");

test("the worst verdict counts, and what could not be judged is not clean", () => {
  expect(worst([])).toBeNull();
  expect(worst(["clean", "malicious"])).toBe("malicious");
  expect(worst(["clean", "inconclusive"])).toBe("inconclusive");
});

test("counts of nothing", () => {
  expect(tallied([], NOW)).toEqual({ open: 0, waiting: 0, asked: 0, malicious: 0, oldest: null });
});

test("today begins at midnight UTC, and only open cases grow old", () => {
  const cases = [
    summary({ stage: "examine", opened: "2026-11-21T09:00:00Z" }), summary({ stage: "received", opened: "2026-11-21T11:00:00Z" }),
    summary({ verdicts: ["malicious", "clean"], asked: ["a", "b"], opened: "2026-11-21T00:00:00.1Z" }),
    summary({ verdicts: ["malicious"], asked: ["a"], opened: "2026-11-20T23:59:59Z" }), summary({ verdicts: ["suspicious"] }),
  ];
  expect(tallied(cases, NOW)).toEqual({ open: 2, waiting: 2, asked: 3, malicious: 1, oldest: 3 * 3_600_000 });
});

test.each([
  [{ text: "DESK-2 phish" }, "b"], [{ text: "desk" }, "abc"], [{ text: "nothing" }, ""], [{ text: " " }, "abc"],
  [{ stage: "open" }, "c"], [{ stage: "ended" }, "ab"], [{ stage: "failed" }, "b"],
  [{ verdict: "malicious" }, "a"], [{ verdict: "none" }, "bc"], [{ stage: "done", verdict: "clean" }, ""],
])("%o finds %s", (filter, found) => {
  const cases = [
    summary({ id: "a", verdicts: ["clean", "malicious"] }),
    summary({ id: "b", title: "A phishing page", device: "desk-2.corp.example", stage: "failed" }),
    summary({ id: "c", stage: "examine", title: null }),
  ];
  expect(ids(filtered(cases, { text: "", stage: "", verdict: "", ...filter }))).toBe(found);
});

test("the newest come first, before them who waits, if so wished", () => {
  const cases = [
    summary({ id: "d", opened: "2026-11-21T10:00:00.500900Z" }), summary({ id: "b", opened: "2026-11-21T11:00:00Z" }),
    summary({ id: "c", opened: "2026-11-21T09:00:00Z", asked: ["x"] }), summary({ id: "a", opened: "2026-11-21T10:00:00.500100Z" }),
  ];
  expect(ids(sorted(cases, false))).toBe("bdac");
  expect(ids(sorted(cases, true))).toBe("cbda");
});

test.each([[-5, "0 ms"], [0, "0 ms"], [112.4, "112 ms"], [2_345, "2.3 s"], [65_000, "1 min 5 s"], [90_061_000, "1 d 1 h"]])(
  "%d ms are %s", (milliseconds, text) => expect(lasted(milliseconds)).toBe(text));

const way = (...stages: [string, number][]): { stage: string; at: string }[] =>
  stages.map(([stage, second]) => ({ stage, at: new Date(NOW + 1_000 * second).toISOString() }));

test("a case that ended has no length at its end", () => {
  const [only, ...more] = rounds(way(["received", 0], ["examine", 1], ["done", 4]), NOW + 60_000);
  expect(more).toEqual([]);
  expect(only.took).toBe(4_000);
  expect(only.rested).toBeNull();
  expect(only.steps.map(({ took, share, running }) => [took, share, running])).toEqual([[1_000, 0.25, false], [3_000, 0.75, false], [null, 0, false]]);
});

test("an open one goes on, whatever the clocks say", () => {
  expect(rounds(way(["received", 0], ["examine", 1]), NOW + 5_000)[0].steps[1]).toMatchObject({ took: 4_000, running: true });
  expect(rounds(way(["received", 0]), NOW - 5_000)[0].steps[0]).toMatchObject({ took: 0, share: 0, running: true });
  expect(rounds([], NOW)).toEqual([]);
});

test("who is decided about goes another round, after a rest", () => {
  const found = rounds(way(["received", 0], ["done", 2], ["writeback", 100], ["respond", 101], ["done", 105], ["writeback", 200]), NOW + 201_000);
  expect(found.map(({ rested, took, steps }) => [rested, took, steps.length])).toEqual([[null, 2_000, 2], [98_000, 5_000, 3], [95_000, 1_000, 1]]);
});
