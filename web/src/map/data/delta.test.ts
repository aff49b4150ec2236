import fc from "fast-check";
import { describe, expect, test } from "vitest";
import goldenText from "../../../../tests/golden/delta.json?raw";
import { applied, stepsBetween, type Step } from "./delta.ts";
import { BadTable } from "./tsv.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (table: Uint8Array): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(table);

interface Golden {
  readonly vectors: readonly { name: string; before: string; after: string; delta: string }[];
  readonly refused: readonly { name: string; before: string; delta: string }[];
}

// One file for both ends: what the back end writes is applied here.
const golden = JSON.parse(goldenText) as Golden;

describe("a delta", () => {
  test.each(golden.vectors)("$name", ({ before, after, delta }) => {
    expect(text(applied(bytes(before), bytes(delta)))).toBe(after);
  });

  test.each(golden.refused)("$name is refused", ({ before, delta }) => {
    expect(() => applied(bytes(before), bytes(delta))).toThrow(BadTable);
  });

  test("leads from any version to any other", () => {
    const lines = fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { maxLength: 40 });
    fc.assert(fc.property(lines, lines, (old, young) => {
      const table = (rows: readonly number[]): string => `A\n${rows.map((row) => `${row}\n`).join("")}`;
      const stays = common(old, young);
      const out = old.flatMap((row, at) => (stays.has(row) ? [] : [`-\t${at}\t${row}\n`]));
      const comes = young.flatMap((row, at) => (stays.has(row) ? [] : [`+\t${at}\t${row}\n`]));
      const delta = `_change\t_at\tA\n${out.join("")}${comes.join("")}`;
      expect(text(applied(bytes(table(old)), bytes(delta)))).toBe(table(young));
    }));
  });
});

/** Rows that are in both, as far as they are in the same order. */
function common(old: readonly number[], young: readonly number[]): Set<number> {
  const found = new Set<number>();
  let last = -1;
  for (const row of young) {
    const at = old.indexOf(row);
    if (at > last) [last] = [at, found.add(row)];
  }
  return found;
}

describe("the way to a version", () => {
  const step = (from: number, to: number): Step => ({ from, to, url: `/${to}` });
  const steps = [step(1, 2), step(2, 5), step(5, 6)];

  test.each([
    [1, 6, "/2/5/6"], [2, 6, "/5/6"], [5, 6, "/6"],
  ])("from %i to %i goes over %s", (from, to, way) => {
    expect(stepsBetween(steps, from, to)?.map(({ url }) => url).join("")).toBe(way);
  });

  test.each([[3, 6], [6, 6], [0, 6], [2, 7]])("from %i to %i there is none", (from, to) => {
    expect(stepsBetween(steps, from, to)).toBeNull();
  });

  test("has no gaps", () => expect(stepsBetween([step(1, 2), step(3, 4)], 1, 4)).toBeNull());
});
