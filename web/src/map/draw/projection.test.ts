import { geoEqualEarth } from "d3-geo";
import { describe, expect, test } from "vitest";
import { HALF_HEIGHT, HALF_WIDTH, project, unproject } from "./projection.ts";

const theirs = geoEqualEarth().scale(1).translate([0, 0]);

/** A grid that holds the poles, the date line, the equator and much between. */
const places = Array.from({ length: 37 }, (_, i) => -180 + i * 10).flatMap((longitude) =>
  Array.from({ length: 37 }, (_, i) => [longitude, -90 + i * 5] as const));

describe("Equal Earth", () => {
  test("is d3's, to the last digit that matters", () => {
    for (const [longitude, latitude] of places) {
      // d3 folds longitude 180 to -180; both are the same meridian, drawn on opposite edges.
      if (Math.abs(longitude) === 180) continue;
      const [x, y] = theirs([longitude, latitude])!;
      const ours = project(longitude, latitude);
      expect(ours[0]).toBeCloseTo(x, 12);
      expect(ours[1]).toBeCloseTo(y, 12);
    }
  });

  test("is as wide and high as it says", () => {
    expect(HALF_WIDTH).toBeCloseTo(2.70663, 5);
    expect(HALF_HEIGHT).toBeCloseTo(1.31736, 5);
    expect(project(-180, 0)[0]).toBe(-HALF_WIDTH);
    expect(project(0, -90)[1]).toBeCloseTo(HALF_HEIGHT, 12);
  });

  test("comes back", () => {
    for (const [longitude, latitude] of places) {
      if (Math.abs(longitude) === 180 || Math.abs(latitude) === 90) continue;
      const back = unproject(...project(longitude, latitude))!;
      expect(back[0]).toBeCloseTo(longitude, 8);
      expect(back[1]).toBeCloseTo(latitude, 8);
    }
  });

  test("knows what is beside the globe", () => {
    expect(unproject(HALF_WIDTH * 1.01, 0)).toBeNull();
    expect(unproject(0, HALF_HEIGHT * 1.01)).toBeNull();
    expect(unproject(HALF_WIDTH * 0.9, HALF_HEIGHT * 0.95)).toBeNull();
  });
});
