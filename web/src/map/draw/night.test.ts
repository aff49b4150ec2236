import { describe, expect, test } from "vitest";
import { shade, sunAt, sunHeight, terminator } from "./night.ts";
import { patchOf } from "./patch.ts";
import { project, unproject } from "./projection.ts";
import { toScreen, WHOLE_WORLD } from "./view.ts";

const EQUINOX = Date.UTC(2026, 2, 20, 14, 46);
const SOLSTICE = Date.UTC(2026, 5, 21, 8, 25);

describe("the sun", () => {
  test("is over the equator at an equinox, over a tropic at a solstice", () => {
    expect(sunAt(EQUINOX).latitude).toBeCloseTo(0, 1);
    expect(sunAt(SOLSTICE).latitude).toBeCloseTo(23.44, 1);
  });

  test("is over Greenwich at noon, but for the equation of time", () => {
    expect(sunAt(Date.UTC(2026, 3, 15, 12)).longitude).toBeCloseTo(0, 0);
    expect(sunAt(Date.UTC(2026, 10, 3, 12)).longitude).toBeCloseTo(-4.1, 1); // sixteen minutes early
    expect(sunAt(Date.UTC(1990, 3, 15, 12)).longitude).toBeCloseTo(0, 0);
  });
});

describe("the line between day and night", () => {
  test.each([EQUINOX, SOLSTICE, Date.UTC(2026, 11, 1, 3, 40)])("has the sun on the horizon, at %d", (moment) => {
    const sun = sunAt(moment);
    for (const [x, y] of terminator(sun)) {
      const place = unproject(x * 0.999999, y);
      if (place) expect(Math.abs(sunHeight(sun, ...place))).toBeLessThan(0.02);
    }
  });
});

describe("the shade", () => {
  const size = { width: 800, height: 420 };
  const alphaAt = (moment: number, longitude: number, latitude: number): number => {
    const { width, cell, pixels } = shade(sunAt(moment), patchOf(WHOLE_WORLD, size, 1), [0, 0, 0], 0.5);
    const [x, y] = toScreen(WHOLE_WORLD, size, ...project(longitude, latitude));
    return pixels[Math.floor(y / cell) * width + Math.floor(x / cell)] >>> 24;
  };

  test("is none at noon, deepest at midnight, and in between at dusk", () => {
    const { longitude } = sunAt(EQUINOX);
    expect(alphaAt(EQUINOX, longitude, 0)).toBe(0);
    expect(alphaAt(EQUINOX, longitude + 93, 0)).toBeGreaterThan(0);
    expect(alphaAt(EQUINOX, longitude + 93, 0)).toBeLessThan(128);
    expect(alphaAt(EQUINOX, longitude + 150, 10)).toBe(128);
  });

  test("covers the winter pole and spares the other", () => {
    expect(alphaAt(SOLSTICE, 20, -88)).toBe(128);
    expect(alphaAt(SOLSTICE, 20, 88)).toBe(0);
  });
});
