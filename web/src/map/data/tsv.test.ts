import { describe, expect, test } from "vitest";
import goldenText from "../../../../tests/golden/tsv.json?raw";
import { BadTable, cellText, decodeCell, eachRow, readHeader, rowAt } from "./tsv.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

interface Golden {
  readonly vectors: readonly { name: string; columns: string[]; rows: (string | null)[][]; tsv: string }[];
  readonly refused: readonly { name: string; tsv: string }[];
}

// One file for both ends: the back end encodes what is decoded here.
const golden = JSON.parse(goldenText) as Golden;

function decoded(text: string): { columns: string[]; rows: (string | null)[][] } {
  const table = bytes(text);
  const { columns, end } = readHeader(table);
  const rows: (string | null)[][] = [];
  eachRow(table, end, columns.length, (cells) => rows.push(rowAt(table, cells[0])));
  return { columns, rows };
}

describe("the golden vectors", () => {
  test.each(golden.vectors)("$name", ({ columns, rows, tsv }) => {
    expect(decoded(tsv)).toEqual({ columns, rows });
  });

  test.each(golden.refused)("$name is refused", ({ tsv }) => {
    expect(() => decoded(tsv)).toThrow(BadTable);
  });
});

describe("a cell", () => {
  test.each([
    ["plain", "plain"],
    ["", ""],
    ["\\N", null],
    ["\\\\N", "\\N"],
    ["a\\tb\\nc\\rd\\\\e", "a\tb\nc\rd\\e"],
    ["\\\\t", "\\t"],
    ['"quotes" stay', '"quotes" stay'],
    ["\u2028 and İstanbul 🌍", "\u2028 and İstanbul 🌍"],
  ])("%j is %j", (cell, value) => expect(decodeCell(cell)).toBe(value));

  test.each(["\\x", "end\\", "a\\Nb"])("%j is refused", (cell) =>
    expect(() => decodeCell(cell)).toThrow(BadTable));
});

describe("a table", () => {
  const table = bytes("Time\tName [UTC]\n1\ta\\tb\n\\N\t\n");

  test("has a header and rows", () => {
    const { columns, end } = readHeader(table);
    const starts: number[] = [];
    const rows = eachRow(table, end, columns.length, (cells) => starts.push(cells[0]));
    expect(columns).toEqual(["Time", "Name [UTC]"]);
    expect(rows).toBe(2);
    expect(starts.map((start) => rowAt(table, start))).toEqual([["1", "a\tb"], [null, ""]]);
  });

  test("may hold a header alone", () => {
    const empty = bytes("A\tB\n");
    expect(eachRow(empty, readHeader(empty).end, 2, () => expect.unreachable())).toBe(0);
  });

  test.each(["A\tB\n1\n", "A\tB\n1\t2\t3\n", "A\tB\n1\t2", "A\tB", ""])("%j is refused", (text) => {
    const broken = bytes(text);
    expect(() => {
      const { columns, end } = readHeader(broken);
      eachRow(broken, end, columns.length, () => {});
    }).toThrow(BadTable);
  });

  test("cells are cut where they begin and end", () => {
    eachRow(table, readHeader(table).end, 2, (cells, row) => {
      if (row === 0) expect(cellText(table, cells[1], cells[2] - 1)).toBe("a\tb");
    });
  });
});
