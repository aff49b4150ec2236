import { expect, test } from "vitest";
import { readChanges, readGate, readKnown, readSet, type Change, type Changes, type Target } from "./contract.ts";
import { bars, churned, filtered, quota, renewed, shortened, shown } from "./figures.ts";

const target = (odd: Record<string, unknown>): Target => readGate({ targets: [{ name: "defender", ...odd }] }).targets[0];
const parts = (odd: Record<string, unknown>): number[] => quota(target(odd)).map(({ count }) => count);
const change = (value: string, odd: Record<string, unknown> = {}): Change =>
  readChanges({ items: [{ at: "2026-11-21T10:00:00Z", run: "r1", do: "add", kind: "ipv4", value, ...odd }] }).items[0];
const page = (values: string, continuation: string | null): Changes => ({ items: [...values].map((one) => change(one)), continuation });
const read = ({ items }: Changes): string => items.map(({ value }) => value).join("");

test("the places of a target add up to its limit", () => {
  expect(parts({ limit: 15_000, held: 14_000, others: 500, headroom: 200 })).toEqual([14_000, 500, 200, 300]);
  expect(parts({ limit: 15_000, held: 14_450, others: 500, headroom: 200 })).toEqual([14_450, 500, 50, 0]);
});

test("more than there is room for fills the bar, and no more", () => {
  const found = quota(target({ limit: 100, held: 90, others: 60, headroom: 10 }));
  expect(found.map(({ count }) => count)).toEqual([90, 60, 0, 0]);
  expect(found.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
});

test("without a limit there is no bar", () => expect(parts({ limit: null, held: 5 })).toEqual([]));

test("bars are as tall as what they stand for, and few are still seen", () => {
  expect(bars([0, 5, 10, 0.001], 40, 20).map(({ x, y, height }) => [x, y, height])).toEqual([[0, 20, 0], [10, 10, 10], [20, 0, 20], [30, 19, 1]]);
  expect(bars([], 40, 20)).toEqual([]);
});

test("what came is above the floor, what went below, on one scale", () => {
  const { floor, hours } = churned([{ hour: null, added: 30, removed: 10 }, { hour: null, added: 0, removed: 5 }], 40, 20, 40);
  expect(floor).toBe(30);
  expect(hours.map(({ added, removed, full }) => [added.y, added.height, removed.y, removed.height, full])).toEqual([
    [0, 30, 30, 10, true], [30, 0, 30, 5, false],
  ]);
});

test("no changes at all are a floor in the middle", () => {
  expect(churned([{ hour: null, added: 0, removed: 0 }], 0, 10, 40)).toMatchObject({ floor: 20, hours: [{ full: false }] });
});

test.each([
  ["new ones come first", page("cdef", "4"), page("abcd", "4"), "abcdef", "4"],
  ["the same again changes nothing", page("abcdef", "6"), page("ab", "2"), "abcdef", "6"],
  ["what does not meet begins anew", page("xy", "9"), page("abcd", "4"), "abcd", "4"],
  ["what is contained needs no older ones", page("b", null), page("abc", "3"), "abc", "3"],
])("changes: %s", (_, before, fresh, values, continuation) => {
  const found = renewed(before, fresh);
  expect(read(found)).toBe(values);
  expect(found.continuation).toBe(continuation);
});

test("changes are chosen by what was done, or by what was not", () => {
  const items = [change("a"), change("b", { do: "remove" }), change("c", { outcome: "refused" })];
  const chosen = (what: string): string => filtered(items, what).map(({ value }) => value).join("");
  expect(["", "add", "remove", "failed"].map(chosen)).toEqual(["abc", "ac", "b", "c"]);
});

test("what is under way has not failed", () => {
  expect(filtered([change("a", { outcome: "pending" })], "failed")).toEqual([]);
});

test.each([[0.123456, 2, "0.12"], [14, 2, "14"], [91.25, 1, "91.3"], [1_234, 0, "1,234"], [null, 2, "–"]])("%s with %s digits is shown as %s", (value, digits, text) =>
  expect(shown(value, digits)).toBe(text));

test("what sources and analysts say of an indicator is read as far as it makes sense", () => {
  const known = readKnown({ value: "192.0.2.1", terms: [{ source: "cins", weight: 0.5, copies: ["a", 7], decay: "much" }, null], marked: { word: "harmless", at: "now" } });
  expect(known.terms[0]).toMatchObject({ source: "cins", weight: 0.5, copies: ["a"], decay: null, precision: null, uncounted: "" });
  expect(known.terms[1]).toMatchObject({ source: "", weight: null });
  expect(known.marked).toEqual({ word: "harmless", because: "", by: "", at: null, expires: null });
  expect(readKnown({ value: "192.0.2.1", marked: [] }).marked).toBeNull();
});

test("long texts end where no character is cut", () => {
  expect(shortened("short")).toBeNull();
  expect(shortened("abcd 😀😀", 6)).toBe("abcd…");
  expect(shortened("a".repeat(200))).toBe(`${"a".repeat(159)}…`);
});

test("whatever is missing or odd becomes nothing", () => {
  const odd = { targets: [{ name: "defender", held: -3, limit: "many", by_kind: [1], by_source: { a: 1, b: 2, c: NaN }, by_score: [1], churn: [null], last: {}, waiting: 7, at: "yesterday", paused: [], refused: "all", drift: "x" }, null] };
  const { targets } = readGate(odd);
  expect(targets.length).toBe(1); // what has no name is no target
  expect(targets[0]).toMatchObject({
    at: null, paused: null, refused: [], postponed: 0,
    held: 0, limit: 0, kinds: [], sources: [["b", 2], ["a", 1]], scores: [1, 0, 0, 0, 0, 0, 0, 0, 0, 0], waiting: null, drift: [],
    churn: [{ hour: null, added: 0, removed: 0 }], last: { run: "", at: null, added: 0 },
  });
});

test.each([[readGate, null], [readGate, { targets: {} }], [readChanges, []], [readSet, "no"], [readKnown, { detail: "x" }]])("%o takes nothing for an answer that is none: %o", (reader, sent) =>
  expect(() => (reader as (sent: unknown) => unknown)(sent)).toThrow(/the server sent something/));
