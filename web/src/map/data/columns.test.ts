import { describe, expect, test } from "vitest";
import { readColumns, type Plan } from "./columns.ts";
import { project } from "../draw/projection.ts";
import { BadTable, rowAt } from "./tsv.ts";

const HEADER = "TimeGenerated\tResult\tLatitude\tLongitude\tCountry\tGeoPrecision\tGeoSource\n";
const plan: Plan = { time: "TimeGenerated", colour: "Result" };

const read = (rows: string, how = plan) => readColumns(new TextEncoder().encode(HEADER + rows), how);

const LATE = "2026-11-21T03:00:00.1234567Z\tdenied\t52.37\t4.9\tNL\tcity\tlog\n";
const EARLY = "2026-11-20T03:00:00Z\tİzin\t0\t0.0\t\\N\tcountry\tkql\n";
const NOWHERE = "2026-11-20T12:00:00Z\tdenied\t\\N\t\\N\t\\N\tnone\t\\N\n";
const UNTIMED = "\\N\t\\N\t10\t200\t\\N\tcity\tlog\n";

describe("the columns", () => {
  test("are sorted by time, rows without a time first", () => {
    const { time } = read(LATE + EARLY + UNTIMED + NOWHERE);
    expect([...time]).toEqual([
      -Infinity,
      Date.UTC(2026, 10, 20, 3),
      Date.UTC(2026, 10, 20, 12),
      Date.UTC(2026, 10, 21, 3, 0, 0, 123),
    ]);
  });

  test("are projected; what is nowhere or impossible has no place", () => {
    const { x, y } = read(LATE + EARLY + UNTIMED + NOWHERE);
    const [amsterdamX, amsterdamY] = project(4.9, 52.37);
    expect([...x]).toEqual([NaN, 0, NaN, Math.fround(amsterdamX)]);
    expect([...y].map(Math.fround)).toEqual([NaN, y[1], NaN, Math.fround(amsterdamY)]);
    expect(y[1]).toBeCloseTo(0);
  });

  test.each([
    "0", "-0.5", "89.99", "-12.3456789012345678", "1e1", "+7", " 8 ", ".5", "5.", "1.2.3", "abc", "-", "",
  ])("read %j as a number like JavaScript does", (text) => {
    const expected = text === "" ? NaN : Number(text);
    const { x } = read(`2026-11-20T03:00:00Z\tx\t0\t${text}\t\\N\tcity\tlog\n`);
    expect(x[0]).toBe(Math.fround(project(expected, 0)[0]));
  });

  test.each([
    ["2026-11-20T03:04:05Z", Date.UTC(2026, 10, 20, 3, 4, 5)],
    ["2026-11-20T03:04:05.9876543Z", Date.UTC(2026, 10, 20, 3, 4, 5, 987)],
    ["2026-11-20T03:04:05.5+01:00", Date.UTC(2026, 10, 20, 2, 4, 5, 500)],
    ["no time at all, is it: Z", -Infinity],
    ["2026-xx-20T03:04:05Z", -Infinity],
    ["", -Infinity],
  ])("read %j as a moment", (text, moment) => {
    expect(read(`${text}\tx\t0\t0\t\\N\tcity\tlog\n`).time[0]).toBe(moment);
  });

  test("know their categories and their precision", () => {
    const { category, categories, coarse } = read(LATE + EARLY + UNTIMED + NOWHERE);
    expect(categories).toEqual(["denied", "İzin", "(no value)"]);
    expect([...category]).toEqual([2, 1, 0, 0]);
    expect([...coarse]).toEqual([0, 1, 0, 0]);
  });

  test("know their country, and how many events and which other end a row has", () => {
    const cells = ["2026-11-20T03:00:00Z\tx\t1\t2\tDE\tcity\tlog\t7\t52.37\t4.9",
      "2026-11-20T02:00:00Z\tx\t1\t2\t\\N\tcity\tlog\t\\N\t91\t0",
      "2026-11-20T01:00:00Z\tx\t1\t2\tDE\tcity\tlog\t-3\t\\N\t\\N"];
    const table = `${HEADER.trimEnd()}\tCount\tSiteLat\tSiteLon\n${cells.join("\n")}\n`;
    const arc = { latitude: "SiteLat", longitude: "SiteLon" };
    const read = readColumns(new TextEncoder().encode(table), { ...plan, weight: "Count", arc });
    expect([...read.country].map((code) => read.countries[code])).toEqual(["DE", "(no value)", "DE"]);
    expect([...read.weight!]).toEqual([1, 1, 7]);
    expect([...read.toX!]).toEqual([NaN, NaN, Math.fround(project(4.9, 52.37)[0])]);
    expect([...read.toY!]).toEqual([NaN, NaN, Math.fround(project(4.9, 52.37)[1])]);
  });

  test("count each row once, and lead nowhere, when the file does not say more", () => {
    const { weight, toX, toY } = read(LATE, { ...plan, weight: "Count", arc: { latitude: "A", longitude: "B" } });
    expect([weight, toX, toY]).toEqual([null, null, null]);
  });

  test("lead back to the text of each row", () => {
    const { bytes, start } = read(LATE + EARLY);
    expect(rowAt(bytes, start[0])[1]).toBe("İzin");
    expect(rowAt(bytes, start[1])[2]).toBe("52.37");
  });

  test("may be empty, and may have no colour", () => {
    expect(read("").time).toHaveLength(0);
    expect(read(LATE, { ...plan, colour: null }).categories).toEqual([]);
  });

  test("are refused when a promised one is missing", () => {
    expect(() => read(LATE, { time: "Time", colour: null })).toThrow(BadTable);
    expect(() => read(LATE, { ...plan, colour: "Nope" })).toThrow("no column Nope");
  });
});
