import { describe, expect, test } from "vitest";
import { AT_FIRST, type Choice } from "../choice.ts";
import { readColumns, type Columns } from "../data/columns.ts";
import { counted } from "./faceting.ts";
import { Filters, LAYER, PLACE } from "./filters.ts";
import type { Layer } from "../data/layers.ts";
import { meaningOf, refanged, said } from "./meaning.ts";
import { rowAt } from "../data/tsv.ts";

const HEADER = ["TimeGenerated", "Id", "User", "IPAddress", "Result", "Count", "Latitude", "Longitude", "Country", "GeoPrecision"];
const ROWS = [
  ["2026-11-20T01:00:00Z", "a", "ana@example.com", "192.0.2.1", "denied", "3", "52.4", "4.9", "NL", "city"],
  ["2026-11-20T02:00:00Z", "b", "ben@example.com", "198.51.100.7", "denied", "1", "48.9", "2.4", "FR", "city"],
  ["2026-11-20T03:00:00Z", "c", "ANA@example.com", "2001:0db8::0001", "allowed", "1", "52.4", "4.9", "NL", "city"],
  ["2026-11-20T04:00:00Z", "d", "K\\\\nordic", "10.0.0.8", "\\N", "1", "\\N", "\\N", "\\N", "none"],
  ["2026-11-20T05:00:00Z", "e", "İbrahim", "", "allowed", "1", "95", "4", "\\N", "none"],
];

function layer(rows = ROWS, name = "signins", header = HEADER): Layer {
  const bytes = new TextEncoder().encode([header, ...rows].map((cells) => `${cells.join("\t")}\n`).join(""));
  const columns = readColumns(bytes, { time: "TimeGenerated", colour: null, weight: "Count", facets: ["Result"] });
  return { dataset: { name } as Layer["dataset"], hue: 0, columns, version: 1, loading: false, failure: null };
}

const ids = ({ bytes, start }: Columns): string => Array.from(start, (at) => rowAt(bytes, at)[1]).join("");

async function sifted(choice: Partial<Choice>, layers = [layer()]): Promise<Filters> {
  const all = { ...AT_FIRST, ...choice };
  const filters: Filters = await new Promise((resolve) => {
    const made: Filters = new Filters(() => {
      made.sift(layers, all);
      resolve(made);
    });
    made.sift(layers, all);
    if (!made.busy) resolve(made);
  });
  return filters;
}

async function left(choice: Partial<Choice>): Promise<string> {
  const one = layer();
  return ids((await sifted(choice, [one])).columnsOf(one)!);
}

describe("facets leave", () => {
  test.each([
    [{}, "abcde"],
    [{ Country: [] }, "abcde"],
    [{ Country: ["NL"] }, "ac"],
    [{ Country: ["NL", "FR"], Result: ["denied"] }, "ab"],
    [{ Result: ["(no value)"] }, "d"],
    [{ "!Country": ["NL"] }, "bde"],
    [{ "!Result": ["denied"], Country: ["NL"] }, "c"],
    [{ Country: ["nowhere"] }, ""],
    [{ [PLACE]: ["private or reserved address"] }, "d"],
    [{ [PLACE]: ["impossible coordinates", "no address"] }, "e"],
    [{ [LAYER]: ["signins"] }, "abcde"],
    [{ [LAYER]: ["others"] }, ""],
    [{ User: ["ana@example.com"] }, "a"],
    [{ "!User": ["ana@example.com", "K\\nordic"] }, "bce"],
    [{ NoSuch: ["x"] }, ""],
    [{ "!NoSuch": ["x"] }, "abcde"],
    [{ constructor: ["x"] }, ""],
  ])("%j: %s", async (facets, expected) => expect(await left({ facets })).toBe(expected));

  test("rows with everything that is known of them", async () => {
    const one = layer();
    const kept = (await sifted({ facets: { Result: ["denied"] } }, [one])).columnsOf(one)!;
    expect([...kept.weight!]).toEqual([3, 1]);
    expect([...kept.facets.get("Country")!.codes].map((code) => kept.facets.get("Country")!.names[code])).toEqual(["NL", "FR"]);
    expect([...kept.time]).toEqual([...one.columns!.time.slice(0, 2)]);
  });

  test("the same columns as long as nothing changes", async () => {
    const one = layer();
    const filters = await sifted({ facets: { Result: ["denied"] } }, [one]);
    const before = filters.columnsOf(one);
    filters.sift([one], { ...AT_FIRST, facets: { Result: ["denied"] }, flipped: ["signins"] });
    expect(filters.columnsOf(one)).toBe(before);
    filters.sift([one], AT_FIRST);
    expect(filters.columnsOf(one)).toBe(one.columns);
  });
});

describe("a search leaves", () => {
  test.each([
    ["192.0.2.1", "a"], ["::ffff:192.0.2.1", "a"], ["192[.]0[.]2[.]1", "a"], ["192.0.2.0/24", "a"], ["0.0.0.0/0", "abd"],
    ["2001:db8:0::1", "c"], ["2001:db8::/32", "c"], ["10.0.0.0/8", "d"],
    ["ana@example.com", "ac"], ["ana[@]example[.]com", "ac"], ["example", "abc"], ["NL", "ac"], ["netherlands", "ac"], ["nl", "ac"], ["fr", "b"],
    ["user:ana", "ac"], ["Result: denied", "ab"], ["k\\nor", "d"], ["knor", ""], ["ibrahim", ""], ["İbrahim", "e"],
    ["   ", "abcde"], ["no value", ""],
  ])("%j: %s", async (search, expected) => expect(await left({ search })).toBe(expected));

  test("what the facets leave too", async () =>
    expect(await left({ search: "ana", facets: { Result: ["allowed"] } })).toBe("c"));

  test.each([
    ["192.0.2.9/24", "in 192.0.2.0/24"], ["2001:DB8::0:1", "with the address 2001:db8::1"], ["NL", "in Netherlands (NL)"],
    ["south korea", "in South Korea (KR)"], ["user:ana", "with “ana” in User"], ["ana@example.com", "with the user ana@example.com"],
    ["hxxps://evil[.]example/x", "with “https://evil.example/x”"], ["other:thing", "with “other:thing”"], ["is", "with “is”"],
  ])("%j is understood: %s", (search, expected) =>
    expect(said(meaningOf(search, new Set(HEADER))!)).toBe(expected));

  test.each([
    ["hXXp://a[.]example", "http://a.example"], ["a(.)b[dot]c{.}d", "a.b.c.d"], ["http[:]//x", "http://x"], ["http[://]x", "http://x"],
  ])("%j is refanged", (text, expected) => expect(refanged(text)).toBe(expected));
});

describe("counts", () => {
  const tally = async (facets: Choice["facets"], slice: readonly [number, number] = [0, 5]) => {
    const one = layer();
    const tests = (await sifted({ facets }, [one])).testsOf(one);
    const found = counted([{ columns: one.columns!, slice, tests }], ["Result", "Country"]);
    return Object.fromEntries([...found].map(([name, values]) => [name, Object.fromEntries(values)]));
  };

  test("weigh, and a column does not count under its own choice", async () => {
    expect(await tally({})).toEqual({
      Result: { denied: 4, allowed: 2, "(no value)": 1 }, Country: { NL: 4, FR: 1, "(no value)": 2 },
    });
    expect(await tally({ Country: ["FR"] })).toEqual({ Result: { denied: 1 }, Country: { NL: 4, FR: 1, "(no value)": 2 } });
    expect(await tally({ Country: ["NL"], "!Result": ["denied"], User: ["ANA@example.com"] })).toEqual({
      Result: { allowed: 1 }, Country: { NL: 1 },
    });
  });

  test("keep to the time range", async () =>
    expect(await tally({}, [1, 3])).toEqual({ Result: { denied: 1, allowed: 1 }, Country: { FR: 1, NL: 1 } }));
});
