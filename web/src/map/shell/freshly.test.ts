import { describe, expect, test } from "vitest";
import type { Dataset } from "../data/catalogue.ts";
import { badges, facts, isStale } from "./freshly.ts";
import type { Layer } from "../data/layers.ts";
import { ending, inWords, waitOf } from "./refreshing.ts";

const NOW = Date.parse("2026-11-21T12:00:00Z");

const dataset: Dataset = {
  name: "hits", title: "Hits", version: 3, url: "/u", rows: 5, located: 4, unlocated: 1, bytes: 9, sha256: "", every_seconds: 300,
  refreshed: "2026-11-21T11:58:00Z", watermark: "2026-11-21T11:57:00Z", partial: false, synthetic: false, time: "T", label: "L",
  colour: null, key: [], columns: [],
};

const layer = (some: Partial<Dataset> = {}, more: Partial<Layer> = {}): Layer =>
  ({ dataset: { ...dataset, ...some }, hue: 0, columns: null, version: 3, loading: false, failure: null, ...more });

const words = (one: Layer): string[] => badges(one, NOW).map(({ word }) => word);

describe("badges", () => {
  test("say how old", () => expect(words(layer())).toEqual(["refreshed 2 min ago"]));
  test("say never", () => expect(words(layer({ refreshed: null }))).toEqual(["never refreshed"]));

  test("say all that is wrong", () => {
    const bad = layer(
      { refreshed: "2026-11-20T11:58:00Z", partial: true, failed: "2026-11-21T11:00:00Z", reason: "down", warnings: ["no column X"] },
      { failure: "the server answered 500" });
    expect(words(bad)).toEqual(["stale: refreshed 1 d ago", "refresh failed", "partial", "look at the rows", "not loaded"]);
    expect(isStale(bad, NOW)).toBe(true);
  });

  test("of an own file say so", () => expect(words(layer({ name: "file-1" }))).toEqual(["file of yours"]));
});

describe("the facts", () => {
  test("of an earlier server leave out what it does not say", () => {
    expect(facts(layer(), NOW).map(([name]) => name)).toEqual(["Refreshed", "Complete up to", "Every", "Version"]);
  });

  test.each([
    ["2026-11-21T12:03:00Z", "in 3 min"], ["2026-11-21T11:00:00Z", "due now"], [null, "due now"], ["soon", undefined],
  ])("say when the next refresh is due: %s", (next_refresh, said) => {
    expect(Object.fromEntries(facts(layer({ next_refresh }), NOW))["Next refresh"]).toBe(said);
  });

  test("show what would hide", () => {
    const found = Object.fromEntries(facts(layer({ reason: "a\u202eb", failed: "2026-11-21T11:00:00Z" }), NOW));
    expect(found["Failed"]).toBe("2026-11-21 11:00 UTC: a[U+202E]b");
  });
});

describe("a refresh", () => {
  test.each([["5", 5_000], ["Sat, 21 Nov 2026 12:01:00 GMT", 60_000], ["soon", null], [null, null]])(
    "may be asked for again: %s", (header, wait) => expect(waitOf(header, NOW)).toBe(wait));

  test.each([
    [200, null, "Refreshed."], [204, 240_000, "It is fresh. Again in 4 min."], [403, null, "Refreshing is not for you."],
    [429, 30_000, "Asked too often. Again in 30 s."], [503, 60_000, "The log workspace does not answer. Again in 1 min."],
    [500, null, "The server answered 500."],
  ])("answered by %i is told in words", (status, wait, said) => expect(inWords(status, wait)).toBe(said));

  test.each([
    [{ status: "running" }, null], [{ status: "done" }, "Refreshed."], [{ status: "failed", results: 7 }, "It failed."],
    [{ status: "failed", results: [{ result: "down" }] }, "It failed: the log workspace does not answer."], [null, "Refreshed."],
  ])("is followed to its end: %j", (body, said) => expect(ending(body)).toBe(said));
});
