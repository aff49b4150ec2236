import { describe, expect, test } from "vitest";
import coarse from "../../../generated/world-110m.json?raw";
import fine from "../../../generated/world-50m.json?raw";
import { boxOf, eachPoint, type PackedWorld } from "./basemap.ts";
import { HALF_HEIGHT, HALF_WIDTH, project } from "./projection.ts";

describe.each([["110m", coarse], ["50m", fine]])("the world at %s", (_detail, text) => {
  const { countries, outline, scale } = JSON.parse(text) as PackedWorld;

  test("stays on the globe", () => {
    for (const ring of [outline, ...countries.flatMap(({ rings }) => rings)]) {
      const { left, top, right, bottom } = boxOf(ring, scale);
      expect(Math.max(-left, right)).toBeLessThan(HALF_WIDTH + 0.001);
      expect(Math.max(-top, bottom)).toBeLessThan(HALF_HEIGHT + 0.001);
    }
  });

  test("has no band across it where a country crosses the date line", () => {
    for (const { name, rings } of countries) {
      if (name === "Antarctica") continue; // which does go all the way round
      for (const ring of rings) {
        let before = 0;
        eachPoint(ring, scale, (x, _, first) => {
          if (!first) expect(Math.abs(x - before), name).toBeLessThan(1);
          before = x;
        });
      }
    }
  });

  test("has countries where they are", () => {
    const brazil = countries.find(({ name }) => name === "Brazil")!;
    const [x, y] = project(-53, -10);
    expect(Math.hypot(brazil.label[0] / scale - x, brazil.label[1] / scale - y)).toBeLessThan(0.1);
    expect(countries.map(({ name }) => name)).toEqual(expect.arrayContaining(["Türkiye", "Fiji", "Russia"]));
  });
});
