import { expect, test } from "vitest";
import { curve, health, lead, number, overlaps, percent, sorted } from "./figures.ts";
import type { Feed } from "./value.ts";

interface Odd {
  feed?: string; status?: string | null; origin?: string | null; late?: boolean;
  indicators?: number; unique?: number | null; overlap?: Record<string, number>; advice?: Feed["advice"];
}

function feed({ feed = "one", status = "ok", origin = "live", late = false, indicators = 10, unique = 0.5, overlap = {}, advice = "keep" }: Odd): Feed {
  return {
    feed, title: feed, use: "block", group: null, every_seconds: 3_600, origin, fetched: null, late,
    history: {
      runs: 1, answers: 1, failed: 0, quarantined: 0, status, reason: null, ran: null, changed: null,
      churn: null, volume: [], refused: [],
    },
    contribution: {
      indicators, unique: 0, lost: 0, shared: 0, lead_seconds: null, newest: null, overlap,
      unique_share: unique, lost_share: null, first_share: null,
    },
    noise: { suppressed: 0, harmless: 0, harmless_share: null },
    cost: { requests: null, seconds: null, units: 0, seconds_per_unique: null, units_per_unique: null },
    advice, because: "",
  };
}

test.each([
  [null, "–"], [0, "0 %"], [0.0004, "<0.1 %"], [0.01, "1 %"], [0.0485, "4.9 %"], [0.0994, "9.9 %"], [0.0996, "10 %"], [0.625, "63 %"], [0.995, ">99 %"], [1, "100 %"], [2, "200 %"],
])("%s reads %s", (share, text) => expect(percent(share)).toBe(text));

test("leads say who was first", () => {
  expect(lead(null)).toBe("–");
  expect(lead(0)).toBe("no lead");
  expect(lead(7_260)).toBe("2 h ahead");
  expect(lead(-259_200)).toBe("3 d behind");
});

test("small numbers keep what matters", () => {
  expect(number(0.00012345)).toBe("0.000123");
  expect(number(1_234_567)).toBe("1,230,000");
  expect(number(null)).toBe("–");
});

test.each([
  [{ status: null, origin: null }, "never ran"], [{}, "ok"], [{ late: true }, "late"],
  [{ status: "unchanged" }, "ok"], [{ status: "quarantined", late: true }, "quarantined"],
  [{ status: "source_down" }, "down"], [{ status: "ok", origin: "sample" }, "sample"],
])("%o is %s", (odd, word) => expect(health(feed(odd)).word).toBe(word));

test("feeds sort by any column, the unknown last either way", () => {
  const feeds = [feed({ feed: "a", unique: null }), feed({ feed: "b", unique: 0.1 }), feed({ feed: "c", unique: 0.9 })];
  const names = (descending: boolean): string => sorted(feeds, "unique", descending).map((one) => one.feed).join("");
  expect(names(false)).toBe("bca");
  expect(names(true)).toBe("cba");
});

test("what to drop comes first, and equals keep the order of names", () => {
  const feeds = [feed({ feed: "k" }), feed({ feed: "d", advice: "drop" }), feed({ feed: "a" }), feed({ feed: "l", advice: "look" })];
  expect(sorted(feeds, "advice", false).map((one) => one.feed).join("")).toBe("dlak");
});

test("a curve goes through its points and marks what was refused", () => {
  const found = curve([null, 10, null, 5], [false, false, true, false], 30, 20);
  expect(found.line).toBe("M10 0L30 10");
  expect(found.area).toBe("M10 0L30 10L30 20L10 20Z");
  expect(found.refused).toEqual([20]);
});

test("one point is a dot, none is nothing, and only zeros lie on the floor", () => {
  expect(curve([null, 7], [false, false], 10, 20).dots).toEqual([[10, 0]]);
  expect(curve([null, null], [false, false], 10, 20)).toEqual({ line: "", area: "", dots: [], refused: [] });
  expect(curve([0, 0], [], 10, 20).line).toBe("M0 20L10 20");
});

test("shares are of the row's feed, and loners are named", () => {
  const feeds = [
    feed({ feed: "small", indicators: 10, overlap: { large: 5 } }),
    feed({ feed: "large", indicators: 100, overlap: { small: 5, stranger: 3 } }),
    feed({ feed: "loner", indicators: 4 }), feed({ feed: "empty", indicators: 0 }),
  ];
  expect(overlaps(feeds)).toEqual({ names: ["small", "large"], shares: [[null, 0.5], [0.05, null]], apart: ["loner"] });
});
