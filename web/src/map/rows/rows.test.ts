import { describe, expect, test } from "vitest";
import { readColumns } from "../data/columns.ts";
import type { Layer } from "../data/layers.ts";
import { listed, ordered, sortedSlowly, type Rows } from "./rows.ts";
import type { Selected } from "../sift/selection.ts";
import { rowAt } from "../data/tsv.ts";

const never = new AbortController().signal;

function source(title: string, names: string[], rows: string[][]): Selected {
  const header = ["Time", "Id", ...names, "Latitude", "Longitude", "GeoPrecision"];
  const lines = rows.map((cells) => [...cells, "0", "0", "city"]);
  const bytes = new TextEncoder().encode([header, ...lines].map((cells) => `${cells.join("\t")}\n`).join(""));
  const columns = readColumns(bytes, { time: "Time", colour: null, facets: ["Kind"] });
  const layer = { dataset: { name: title, title }, hue: 0, columns } as unknown as Layer;
  return { layer, columns, slice: [0, columns.time.length] };
}

const day = (n: number): string => `2026-11-0${n}T00:00:00Z`;
const one = source("One", ["IP", "Kind", "N"], [
  [day(1), "a", "10.0.0.10", "x", "9"], [day(3), "b", "9.9.9.9", "\\N", "100"], [day(5), "c", "10.0.0.2", "w", ""],
]);
const two = source("Another", ["N"], [[day(2), "d", "50"], [day(4), "e", "\\N"]]);

const ids = (rows: Rows): string =>
  Array.from(rows.list, (id) => rows.found(id)).map(({ source: { columns }, row }) => rowAt(columns.bytes, columns.start[row])[1]).join("");

describe("rows of several layers", () => {
  test("are one list by time", () => {
    expect(ids(listed([one, two], null))).toBe("adbec");
    expect(ids(listed([{ ...one, slice: [1, 2] }, two], null))).toBe("dbe");
    expect(ids(listed([one], null))).toBe("abc");
    expect(ids(listed([], null))).toBe("");
  });

  test("can be those in a box", () => {
    expect(ids(listed([one], { left: 1, right: 2, top: -1, bottom: 1 }))).toBe("");
    expect(ids(listed([one], { left: -1, right: 1, top: -1, bottom: 1 }))).toBe("abc");
  });

  test.each([
    ["Time", true, "cebda"], ["Time", false, "adbec"], ["Layer", false, "deabc"], ["Layer", true, "abcde"],
    ["IP", false, "bcade"], ["IP", true, "acbde"], ["N", false, "adbec"], ["N", true, "bdaec"],
    ["Kind", false, "cadbe"], ["Nothing", false, "adbec"],
  ])("sort by %s, down: %s", async (column, down, expected) =>
    expect(ids(await ordered(listed([one, two], null), { column, down }, never))).toBe(expected));

  test("are found again", async () => {
    const rows = await ordered(listed([one, two], null), { column: "Time", down: true }, never);
    expect(rows.indexOf(two.columns, 1)).toBe(1);
    expect(rows.indexOf(source("x", [], []).columns, 0)).toBe(-1);
  });
});

test("a slow sort is a sort, and can be called off", async () => {
  const items = Array.from({ length: 10_000 }, (_, i) => (i * 7_919) % 5_003);
  expect(await sortedSlowly(items, (a, b) => a - b, never)).toEqual(items.toSorted((a, b) => a - b));
  await expect(sortedSlowly(items, (a, b) => a - b, AbortSignal.abort())).rejects.toThrow();
});
