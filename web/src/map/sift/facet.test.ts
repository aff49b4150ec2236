import { describe, expect, test } from "vitest";
import { actorsOf } from "../rows/actors.ts";
import { readColumns } from "../data/columns.ts";
import { chips, cleared, except, only, toggled } from "./facet.ts";

describe("chosen values", () => {
  test("come and go", () => {
    const one = toggled({}, "A", "x");
    expect(one).toEqual({ A: ["x"] });
    expect(toggled(one, "A", "y")).toEqual({ A: ["x", "y"] });
    expect(toggled(one, "A", "x")).toEqual({});
    expect(toggled({}, "toString", "x")).toEqual({ toString: ["x"] });
  });

  test("are taken or left out, never both", () => {
    expect(except({ A: ["x", "y"], B: ["z"] }, "A", "x")).toEqual({ A: ["y"], B: ["z"], "!A": ["x"] });
    expect(except({ "!A": ["x"] }, "A", "x")).toEqual({ "!A": ["x"] });
    expect(except({}, "A", null)).toEqual({ "!A": ["(no value)"] });
    expect(only({ A: ["x"], "!A": ["y"], B: ["z"] }, "A", "y")).toEqual({ A: ["y"], B: ["z"] });
    expect(cleared({ A: ["x"], "!A": ["y"], B: ["z"] }, "A")).toEqual({ B: ["z"] });
  });

  test("are named as people read them", () =>
    expect(chips({ Country: ["NL"], "!City": [""], "@place": ["no address"] }).map(({ text }) => text))
      .toEqual(["Country: Netherlands", "not City: (empty)", "No place: no address"]));
});

test("actors are read from any of the columns that there are", () => {
  const lines = [
    ["Time", "Name", "Aliases", "Links", "Latitude", "Longitude", "Country", "GeoPrecision"],
    ["\\N", "A", '["b, c", 7]', '["https://a.example/", "http://b.example/", "javascript:x"]', "1", "2", "RU", "country"],
    ["\\N", "B", "d , e,", "\\N", "\\N", "\\N", "\\N", "none"],
  ];
  const bytes = new TextEncoder().encode(lines.map((cells) => `${cells.join("\t")}\n`).join(""));
  const [first, second] = actorsOf(readColumns(bytes, { time: "Time", colour: null }));
  expect(first).toMatchObject({ name: "A", country: "Russia", aliases: ["b, c"], motivation: "" });
  expect(first.links.map(String)).toEqual(["https://a.example/"]);
  expect(second).toMatchObject({ name: "B", country: "Country unknown", aliases: ["d", "e"], links: [] });
});
