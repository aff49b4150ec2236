import { describe, expect, test } from "vitest";
import { codeOf } from "../data/codes.ts";
import { breaksFor, changeOf, classOf, nationsOf, periodBefore, rowsOf, type Rows } from "./nations.ts";

const HOUR = 3_600_000;

function layer(rows: readonly (readonly [country: string, hour: number])[], weight: number[] | null = null): Rows {
  const countries = [...new Set(rows.map(([country]) => country))];
  return {
    columns: {
      countries, country: Uint16Array.from(rows, ([country]) => countries.indexOf(country)),
      time: Float64Array.from(rows, ([, hour]) => hour * HOUR), weight: weight && Uint32Array.from(weight),
    },
    slice: [0, rows.length],
  };
}

describe("what a log calls a country", () => {
  test.each([
    ["DE", "DE"], ["de", "DE"], [" us ", "US"], ["UK", "GB"], ["DD", "DE"], ["Germany", "DE"], ["Türkiye", "TR"], ["Turkey", "TR"],
    ["Korea, Republic of", "KR"], ["Czechia", "CZ"], ["Côte d’Ivoire", "CI"], ["XK", "XK"], ["TW", "TW"], ["PS", "PS"],
    ["Serbia", "RS"], ["Myanmar", "MM"], ["RE", "FR"], ["(no value)", null], ["", null], ["Atlantis", null],
  ])("%j is %j", (text, code) => expect(codeOf(text)).toBe(code));
});

describe("events by country", () => {
  test("are summed over layers and spellings, by weight, and what is in no country is told apart", () => {
    const found = nationsOf([layer([["DE", 1], ["Germany", 1], ["Nowhere", 1]], [5, 2, 4]), layer([["FR", 2]])], null);
    expect(found.by.get("DE")).toEqual({ events: 7, share: 7 / 8, before: null });
    expect([found.placed, found.stray, found.compared]).toEqual([8, 4, false]);
  });

  test("are compared with the period before, which may have had other countries", () => {
    const all = layer([["DE", 0], ["IT", 1], ["DE", 2], ["DE", 3]]);
    const found = nationsOf([{ ...all, slice: [2, 4] }], { from: 0, to: 2 * HOUR });
    expect(found.by.get("DE")).toEqual({ events: 2, share: 1, before: 1 });
    expect(found.by.get("IT")).toEqual({ events: 0, share: 0, before: 1 });
  });

  test("need no country column", () => {
    const { columns, slice } = layer([["", 1], ["", 2]]);
    expect(nationsOf([{ columns: { ...columns, countries: [] }, slice }], null).stray).toBe(2);
  });

  test("lead to their rows, whatever they call the country", () => {
    expect(rowsOf("DE", [layer([["FR", 1]]), layer([["DE", 1], ["FR", 2], ["germany", 3]])]))
      .toEqual([{ layer: 1, row: 2 }, { layer: 1, row: 0 }]);
  });
});

describe("the period before", () => {
  test("is as long, and is there only as far as the data goes", () => {
    expect(periodBefore({ from: 10, to: 15 }, { from: 5, to: 20 })).toEqual({ from: 5, to: 10 });
    expect(periodBefore({ from: 10, to: 15 }, { from: 6, to: 20 })).toBeNull();
    expect(periodBefore(null, { from: 6, to: 20 })).toBeNull();
  });
});

describe("classes", () => {
  test("have round bounds from the least to the most", () => {
    expect(breaksFor([0.0004, 0.003, 0.02, 0.31])).toEqual([0.0002, 0.001, 0.002, 0.01, 0.02, 0.1]);
    expect(breaksFor([0.5, 0.5])).toEqual([0.5]);
    expect(breaksFor([])).toEqual([]);
  });

  test("take in every value", () => {
    const breaks = breaksFor([0.001, 0.5]);
    expect(classOf(0.001, breaks)).toBe(0);
    expect(classOf(0.0000001, breaks)).toBe(0);
    expect(classOf(0.5, breaks)).toBe(breaks.length - 1);
  });

  test.each([[0, 8, 0], [4, 8, 1], [8, 8, 2], [15, 8, 2], [16, 8, 3], [32, 8, 4], [1, 0, 4], [0, 0, null]] as const)(
    "of change: %d after %d is %j", (events, before, found) => {
      expect(changeOf({ events, share: 0, before })).toBe(found);
    });
});
