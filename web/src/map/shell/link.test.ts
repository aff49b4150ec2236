import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AT_FIRST, type Choice } from "../choice.ts";
import { choiceIn, fragment } from "./link.ts";

const fine = (min: number, max: number): fc.Arbitrary<number> =>
  fc.integer({ min: min * 10_000, max: max * 10_000 }).map((whole) => whole / 10_000 + 0);
// An address holds whole characters only.
const text = (maxLength: number): fc.Arbitrary<string> => fc.string({ unit: "binary", maxLength });
const names = fc.uniqueArray(text(20).filter((name) => name !== "" && !name.startsWith("file-")), { maxLength: 6 });
const moment = fc.integer({ min: -1e12, max: 4e12 });

const choices: fc.Arbitrary<Choice> = fc.record({
  view: fc.record({ x: fine(-2, 2), y: fine(-1, 1), zoom: fine(1, 48) }),
  range: fc.option(fc.tuple(moment, fc.integer({ min: 1, max: 1e10 })).map(([from, by]) => ({ from, to: from + by }))),
  last: fc.option(fc.integer({ min: 1, max: 9_000 })),
  flipped: names,
  drawing: fc.constantFrom("points", "clusters", "heat", "countries"),
  measure: fc.constantFrom("share", "change"),
  arcs: fc.boolean(),
  night: fc.boolean(),
  facets: fc.dictionary(text(20), fc.uniqueArray(text(30), { minLength: 1, maxLength: 5 }), { noNullPrototype: true, maxKeys: 5 }),
  search: text(100),
  wallboard: fc.boolean(),
} satisfies { [Name in keyof Choice]: fc.Arbitrary<Choice[Name]> });

const known = new URLSearchParams(fragment({
  ...AT_FIRST, view: { x: 1, y: 0.5, zoom: 3 }, range: { from: 1, to: 2 }, flipped: ["a"], drawing: "heat", measure: "change",
  arcs: true,  night: true, facets: { A: ["b"] }, search: "q", wallboard: true,
}));
const pairs = fc.array(fc.tuple(fc.constantFrom(...known.keys(), "last", "f.", "f.__proto__"), text(40)));
const hostile = fc.oneof(
  fc.string({ unit: "binary", maxLength: 400 }),
  fc.string({ maxLength: 400 }),
  pairs.map((given) => new URLSearchParams(given).toString()),
);

describe("a link", () => {
  test("brings back what was chosen", () => {
    fc.assert(fc.property(choices, (choice) => {
      const range = choice.last === null ? choice.range : null;
      expect(choiceIn(`#${fragment(choice)}`)).toEqual({ ...choice, range });
    }));
  });

  test("of any text is a choice within bounds, and stays the same", () => {
    fc.assert(fc.property(hostile, (given) => {
      const choice = choiceIn(given);
      expect(Object.keys(choice).sort()).toEqual(Object.keys(AT_FIRST).sort());
      expect([choice.view.x, choice.view.y, choice.view.zoom].every(Number.isFinite)).toBe(true);
      if (choice.range) expect(choice.range.from).toBeLessThan(choice.range.to);
      expect(choice.flipped.every((name) => typeof name === "string" && name.length <= 128)).toBe(true);
      expect(choice.search.length).toBeLessThanOrEqual(600);
      expect(choiceIn(fragment(choice))).toEqual(choice);
    }));
  });

  test("says nothing where nothing was chosen", () => {
    expect(fragment(AT_FIRST)).toBe("");
    expect(choiceIn("")).toEqual(AT_FIRST);
  });

  test("is short, and says its version", () => {
    const choice: Choice = { ...AT_FIRST, last: 24, flipped: ["waf_blocks"], facets: { Result: ["50126", "a,b"] } };
    expect(fragment(choice)).toBe("v=1&last=24&flip=waf_blocks&f.Result=50126&f.Result=a%2Cb");
  });

  test("of a later version is read as far as it is known", () => {
    expect(choiceIn("#v=9&as=heat&new=1&as3d=globe")).toEqual({ ...AT_FIRST, drawing: "heat" });
  });

  test("to the wallboard may be written by hand", () => expect(choiceIn("#wall").wallboard).toBe(true));

  test.each([
    "at=NaN,0,1", "at=1,2", "at=1e9,0,1", "at=0,0,0", "t=5_5", "t=9_1", "t=9999999999999999_99999999999999999",
    "last=-1", "last=Infinity", "last=0x10", "as=globe", "flip=", "flip=file-1", "%", "&&&=", "__proto__=1", "v=1&%FF=%FF",
  ])("with nonsense keeps what was at first: %s", (given) => expect(choiceIn(given)).toEqual(AT_FIRST));

  test("ends nowhere, and is cut", () => {
    const choice = choiceIn(`q=${"x".repeat(50_000)}&${"f.A=1&".repeat(9_000)}`);
    expect(choice.search).toHaveLength(300);
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`c${i}`, [`${"é".repeat(90)}`]]));
    expect(fragment({ ...AT_FIRST, facets: many, arcs: true })).toBe("v=1&arcs=1");
  });

  test("does not name files of this machine", () => {
    expect(fragment({ ...AT_FIRST, flipped: ["file-1", "a"] })).toBe("v=1&flip=a");
  });

  test("can hold no other prototype", () => {
    const { facets } = choiceIn("f.__proto__=x&f.constructor=y");
    expect(Object.getPrototypeOf(facets)).toBe(Object.prototype);
    expect(Object.keys(facets)).toEqual(["__proto__", "constructor"]);
  });
});
