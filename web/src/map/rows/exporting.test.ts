import { describe, expect, test } from "vitest";
import { readColumns } from "../data/columns.ts";
import { csvCell, csvLine } from "./csv.ts";
import { exported, fileName, type Wish } from "./exporting.ts";
import { typed } from "./features.ts";
import type { Layer } from "../data/layers.ts";
import { listed } from "./rows.ts";
import type { Selected } from "../sift/selection.ts";

describe("a cell of a CSV", () => {
  test.each([
    [null, ""], ["", '""'], ["plain", "plain"], ["a,b", '"a,b"'], ['say "hi"', '"say ""hi"""'], ["two\nlines", '"two\nlines"'],
    ["=1+1", "'=1+1"], ["+49 30", "'+49 30"], ["-cmd|' /C calc'!A0", "'-cmd|' /C calc'!A0"], ["@SUM(A1)", "'@SUM(A1)"],
    ["\tx", "'\tx"], ["\rx", '"\'\rx"'], ["＝1", "'＝1"], ["＋1", "'＋1"], ["－1", "'－1"], ["＠x", "'＠x"],
    ["-122.3", "-122.3"], ["-1", "-1"], ["1e5", "1e5"], ["-1e-5", "-1e-5"], ["+1", "'+1"], ["-", "'-"], ["--1", "'--1"],
    ["=HYPERLINK(\"https://evil.example\",\"x\")", '"\'=HYPERLINK(""https://evil.example"",""x"")"'], [" lead", '" lead"'], ["a=b", "a=b"],
  ])("%j is %s", (value, cell) => expect(csvCell(value)).toBe(cell));

  test("stands in a line that ends as RFC 4180 has it", () => expect(csvLine(["a", null, "b,c"])).toBe('a,,"b,c"\r\n'));
});

test.each([
  [null, "int", null], ["7", "int", 7], ["9007199254740993", "long", "9007199254740993"], ["1.5", "real", 1.5], ["", "real", ""],
  ["nan", "real", "nan"], ["true", "bool", true], ["false", "bool", false], ["maybe", "bool", "maybe"], ["7", "string", "7"],
])("%j as %s is %j", (text, type, value) => expect(typed(text, type)).toBe(value));

function source(name: string, label: string, rows: string[][]): Selected {
  const names = ["Time", label, "N", "Latitude", "Longitude", "GeoPrecision"];
  const bytes = new TextEncoder().encode([names, ...rows].map((cells) => `${cells.join("\t")}\n`).join(""));
  const columns = readColumns(bytes, { time: "Time", colour: null });
  const dataset = { name, title: name.toUpperCase(), columns: [{ name: "N", type: "int" }] };
  return { layer: { dataset, hue: 0, columns } as unknown as Layer, columns, slice: [0, columns.time.length] };
}

const one = source("one", "IPAddress", [
  ["2026-11-20T01:00:00.1234567Z", "192.0.2.1", "7", "52.4", "4.9", "city"], ["2026-11-20T03:00:00Z", "=x\\ty", "\\N", "\\N", "\\N", "none"],
]);
const two = source("two", "Url", [["2026-11-20T02:00:00Z", "https://evil.example/a", "1", "-1.5", "179.9", "city"]]);

async function text(sources: Selected[], wish: Partial<Wish>): Promise<string> {
  const all = { format: "csv", defang: false, mark: false, ...wish } as const;
  // Not `text()`, which drops the mark.
  const { file } = await exported(listed(sources, null), all, new AbortController().signal, () => {});
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(await file.arrayBuffer());
}

describe("what is selected", () => {
  test("of one layer is a TSV as it came", async () =>
    expect(await text([one], { format: "tsv" })).toBe(new TextDecoder().decode(one.columns.bytes)));

  test("of several says which layer each row is of", async () =>
    expect(await text([one, two], {})).toBe([
      "Layer,Time,IPAddress,N,Latitude,Longitude,GeoPrecision,Url",
      "ONE,2026-11-20T01:00:00.1234567Z,192.0.2.1,7,52.4,4.9,city,",
      "TWO,2026-11-20T02:00:00Z,,1,-1.5,179.9,city,https://evil.example/a",
      "ONE,2026-11-20T03:00:00Z,'=x\ty,,,,none,", "",
    ].join("\r\n")));

  test("can be defanged, and marked for Excel", async () => {
    const csv = await text([{ ...one, slice: [0, 1] }, two], { defang: true, mark: true });
    expect(csv.startsWith("\ufeffLayer,")).toBe(true);
    expect(csv).toContain(",192[.]0[.]2[.]1,7,52.4,");
    expect(csv).toContain(",hxxps://evil[.]example/a");
    expect(csv).toContain("T01:00:00.1234567Z");
  });

  test("is GeoJSON without what has no place", async () => {
    const json = JSON.parse(await text([one, two], { format: "geojson" }));
    expect(json).toMatchObject({ type: "FeatureCollection", unlocated: 1, features: [
      { type: "Feature", geometry: { type: "Point", coordinates: [4.9, 52.4] }, properties: { Layer: "ONE", N: 7, IPAddress: "192.0.2.1" } },
      { geometry: { coordinates: [179.9, -1.5] }, properties: { Layer: "TWO" } },
    ] });
    expect(json.features).toHaveLength(2);
    expect(json.features[0].properties).not.toHaveProperty("Latitude");
    expect(JSON.parse(await text([], { format: "geojson" })).features).toEqual([]);
  });

  test("can be called off", () =>
    expect(exported(listed([one], null), { format: "csv", defang: false, mark: false }, AbortSignal.abort(), () => {})).rejects.toThrow());
});

test("files are named by dataset and time", () => {
  const range = { from: Date.UTC(2026, 10, 20), to: Date.UTC(2026, 10, 21, 3, 29) };
  expect(fileName(["signin_failures"], range, "csv")).toBe("tidegate-signin_failures-20261120T0000Z-20261121T0329Z.csv");
  expect(fileName(["a", "b"], null, "png")).toBe("tidegate-map.png");
  expect(fileName(["../../x y"], null, "tsv")).toBe("tidegate-_x_y.tsv");
});
