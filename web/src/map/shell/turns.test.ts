import { describe, expect, test } from "vitest";
import { readColumns } from "../data/columns.ts";
import type { Layer } from "../data/layers.ts";
import { newest, turnAfter } from "./turns.ts";

test.each([
  [null, ["a", "b"], "a"], ["a", ["a", "b"], "b"], ["b", ["a", "b"], null], [null, ["a"], null], [null, [], null], ["gone", ["a", "b"], "a"],
])("after %s of %j comes %s", (turn, names, next) => expect(turnAfter(turn, names)).toBe(next));

describe("the newest rows", () => {
  const table = "T\tName\tLatitude\tLongitude\tGeoPrecision\tCountry\n"
    + "\\N\tundated\t0\t0\tcity\tKE\n2026-01-01T00:00:00Z\told\t0\t0\tcity\tKE\n2026-01-02T00:00:00Z\tnew\t0\t0\tcity\t\\N\n";
  const columns = readColumns(new TextEncoder().encode(table), { time: "T", colour: null });
  const layer = { dataset: { label: "Name" } } as Layer;

  test("come first, and have a time", () => {
    const found = newest([{ layer, columns, slice: [0, 3] }], 5);
    expect(found.map(({ label, country }) => [label, country])).toEqual([["new", ""], ["old", "KE"]]);
  });

  test("are few", () => expect(newest([{ layer, columns, slice: [0, 3] }, { layer, columns, slice: [0, 2] }], 1)).toHaveLength(1));
});
