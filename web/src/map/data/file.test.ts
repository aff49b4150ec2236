import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readColumns } from "./columns.ts";
import { openFile, type Opened } from "./file.ts";
import { instantOf } from "./instant.ts";
import { BadFile, records } from "./records.ts";
import { readHeader, rowAt } from "./tsv.ts";

const opened = (name: string, text: string): Opened => openFile(name, new TextEncoder().encode(text));

/** The rows as the map reads them. */
function read(file: Opened): { names: readonly string[]; rows: (string | null)[][]; time: number[] } {
  const columns = readColumns(file.bytes, { time: file.time, colour: null });
  return { names: columns.names, rows: [...columns.start].map((start) => rowAt(columns.bytes, start)), time: [...columns.time] };
}

const feature = (geometry: unknown, properties: unknown = {}): unknown => ({ type: "Feature", geometry, properties });
const collection = (...features: unknown[]): string => JSON.stringify({ type: "FeatureCollection", features });

describe("a table", () => {
  test("with tabs is read like a dataset", () => {
    const file = opened("a.tsv", "TimeGenerated\tIp\tLatitude\tLongitude\n2026-01-02T00:00:00Z\ta\\tb\t1.5\t-2\n\\N\t\\x\t\\N\t5\n");
    const { names, rows } = read(file);
    expect(names).toEqual(["TimeGenerated", "Ip", "Latitude", "Longitude", "GeoPrecision"]);
    expect(rows).toEqual([[null, "\\x", null, null, "none"], ["2026-01-02T00:00:00.000Z", "a\tb", "1.5", "-2", "file"]]);
    expect(file.notes).toEqual(["1 without a place"]);
  });

  test("with commas may have quotes, line ends in cells, a byte-order mark", () => {
    const file = opened("a.csv", '\ufeffname,LAT,Lng,note\r\n"a ""b"", c",10,20,"two\nlines"\r\n\r\n<b>,0,0,=1+1\r\n');
    expect(read(file).rows.map((row) => row.slice(1))).toEqual([
      ['a "b", c', "two\nlines", "10", "20", "file"], ["<b>", "=1+1", "0", "0", "file"],
    ]);
    expect(file.notes).toEqual(["no column of times was found"]);
    expect(file.label).toBe("name");
  });

  test("with semicolons, odd names and a column twice", () => {
    const file = opened("a.csv", "lat;lon;x;x;;GeoPrecision\n1;2;3;4;5;city\n");
    expect(file.columns).toEqual(["TimeGenerated", "x", "x (2)", "column 5", "GeoPrecision (2)"]);
  });

  test.each([
    ["", "it is empty"], ["lat,lon\n", "it has no rows"], ["a,b\n1,2\n", "no columns Latitude and Longitude"],
    ["lat,lon\n1,2,3\n", "row 1 has 3 columns, the header 2"], ["lat,lon\nNaN,Infinity\n91,0\n,\n", "none of its rows"],
    [`${"c,".repeat(300)}lat,lon\n${"1,".repeat(300)}1,2\n`, "more than 200 columns"],
  ])("that is none says why: %j", (text, why) => expect(() => opened("a.csv", text)).toThrow(why));

  test("of bytes that are no text is refused", () => {
    expect(() => openFile("a.csv", new Uint8Array([0xff, 0xfe, 0, 1]))).toThrow("no UTF-8");
  });

  test("of any text is read or refused, and never crashes", () => {
    const cells = fc.string({ unit: fc.constantFrom('"', ",", "\n", "\r", "\t", ";", "a", "1", "\\", "\0"), maxLength: 60 });
    fc.assert(fc.property(cells, (rest) => {
      try {
        const file = opened("a.csv", `lat,lon,${rest}`);
        expect(readHeader(file.bytes).columns.slice(-1)).toEqual(["GeoPrecision"]);
        read(file);
      } catch (error) {
        expect(error).toBeInstanceOf(BadFile);
      }
    }));
  });

  test("written by RFC 4180 is read back", () => {
    const cell = fc.string({ unit: fc.constantFrom('"', ",", "\n", "\r", "a", " "), maxLength: 8 });
    fc.assert(fc.property(fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 6 }), (rows) => {
      const text = rows.map((row) => row.map((one) => `"${one.replaceAll('"', '""')}"`).join(",")).join("\r\n");
      expect(records(`x,y\n${text}`, 100).slice(1)).toEqual(rows);
    }));
  });
});

describe("a GeoJSON", () => {
  test("has points, and of other shapes the middle", () => {
    const file = opened("a.geojson", collection(
      feature({ type: "Point", coordinates: [10, 20, 5] }, { name: "a", more: { b: [1] }, seen: true }),
      feature({ type: "MultiPoint", coordinates: [[1, 2], [3, 4]] }, { name: "b" }),
      feature({ type: "Polygon", coordinates: [[[0, 0], [10, 0], [10, 4], [0, 4], [0, 0]]] }),
      feature({ type: "GeometryCollection", geometries: [{ type: "Point", coordinates: [2, 2] }, { type: "LineString", coordinates: [[4, 6], [4, 4]] }] }),
      feature(null, { name: "nowhere", time: "2026-01-01" }),
    ));
    expect(read(file).rows.map((row) => row.slice(1, 3).concat(row.slice(-3, -1)))).toEqual([
      ["a", '{"b":[1]}', "20", "10"], ["b", null, "2", "1"], ["b", null, "4", "3"], [null, null, "2", "5"],
      [null, null, "4", "3"], ["nowhere", null, null, null],
    ]);
    expect(file.notes).toContain("2 shapes are shown at the middle");
  });

  test.each([
    ["{", "no JSON"], ["[1]", "no GeoJSON"], ['{"type":"Topology"}', "no GeoJSON"],
    ["[".repeat(100_000), "nested too deeply"], [`{"type":"Point","coordinates":${"[".repeat(99)}${"]".repeat(99)}}`, "nested too deeply"],
    [collection(feature({ type: "Sphere" })), "feature 1 has a geometry that is none"],
    [collection(feature({ type: "Point", coordinates: ["1", null] })), "none of its rows"],
    [collection(feature({ type: "Point", coordinates: [500_000, 6_000_000] })), "none of its rows"],
    [collection(), "no rows"],
  ])("that is none says why", (text, why) => expect(() => opened("a.json", text)).toThrow(why));

  test("may call a property like anything", () => {
    const text = '{"type":"Feature","geometry":{"type":"Point","coordinates":[1,2]},"properties":{"__proto__":"x","lat":"9","a\\tb":"c"}}';
    expect(read(opened("a.json", text)).rows[0]).toContain("x");
  });
});

describe("a moment", () => {
  test.each([
    ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000Z"], ["2026-01-02 03:04:05", "2026-01-02T03:04:05.000Z"],
    ["4/28/2021, 2:08:45.221 PM", "2021-04-28T14:08:45.221Z"], ["2026-01-02", "2026-01-02T00:00:00.000Z"],
    ["1767323045", "2026-01-02T03:04:05.000Z"], ["1767323045123", "2026-01-02T03:04:05.123Z"], ["2026-01-02T03:04:05+01:00", "2026-01-02T02:04:05.000Z"],
  ])("%s is %s", (text, iso) => expect(new Date(instantOf(text)).toISOString()).toBe(iso));

  test.each(["", "soon", "2024", "12", "9999-01-01", "-1"])("%s is none", (text) => expect(instantOf(text)).toBeNaN());
});
