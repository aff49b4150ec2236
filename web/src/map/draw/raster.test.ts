import { describe, expect, test } from "vitest";
import { ramp } from "./palette.ts";
import { patchOf } from "./patch.ts";
import { project } from "./projection.ts";
import { Raster, type Drawn } from "./raster.ts";
import { toScreen, WHOLE_WORLD, zoomed } from "./view.ts";

const size = { width: 400, height: 220 };
const frame = patchOf(WHOLE_WORLD, size, 1);

function layer(places: readonly (readonly [number, number])[], hue = 0, coarse = 0): Drawn {
  const points = places.map(([longitude, latitude]) => project(longitude, latitude));
  return {
    columns: {
      x: Float32Array.from(points, ([x]) => x),
      y: Float32Array.from(points, ([, y]) => y),
      coarse: new Uint8Array(points.length).fill(coarse),
      weight: null,
    },
    slice: [0, points.length],
    ramp: ramp(hue, "dark"),
  };
}

function drawn(layers: readonly Drawn[], how = frame, raster = new Raster()): Uint32Array {
  const out = new Uint32Array(how.width * how.height);
  raster.draw(layers, how, 1, out);
  return out;
}

const lit = (pixels: Uint32Array): number => pixels.filter((pixel) => pixel !== 0).length;

const pixelAt = (pixels: Uint32Array, longitude: number, latitude: number): number => {
  const [x, y] = toScreen(WHOLE_WORLD, size, ...project(longitude, latitude));
  return pixels[Math.round(y) * size.width + Math.round(x)];
};

/** A fixed scatter: the fractional parts of multiples of the golden ratio. */
const scatter = Array.from({ length: 5_000 }, (_, i) =>
  [((i * 0.618034) % 1) * 360 - 180, ((i * 0.754878) % 1) * 160 - 80] as const);

describe("the raster", () => {
  test("gives the same pixels for the same points, whatever was drawn before", async () => {
    const layers = [layer(scatter), layer(scatter.slice(0, 500), 1)];
    const used = new Raster();
    drawn([layer(scatter.slice(7))], patchOf(zoomed(WHOLE_WORLD, size, 3, 9, 9), size, 1), used);
    const hash = async (pixels: Uint32Array) =>
      new DataView(await crypto.subtle.digest("SHA-256", pixels.slice())).getBigUint64(0).toString(16);
    expect(await hash(drawn(layers, frame, used))).toBe(await hash(drawn(layers)));
    expect(await hash(drawn(layers))).toMatchInlineSnapshot(`"6c26808588c81990"`);
  });

  test("does not care for the order of rows", () => {
    expect(drawn([layer(scatter.toReversed())])).toEqual(drawn([layer(scatter)]));
  });

  test("puts a dot where the place is", () => {
    const pixels = drawn([layer([[4.9, 52.4]])]);
    expect(pixelAt(pixels, 4.9, 52.4)).not.toBe(0);
    expect(pixelAt(pixels, -70, -33)).toBe(0);
  });

  test("draws more rows larger and stronger", () => {
    const one = drawn([layer([[0, 0]])]);
    const many = drawn([layer(Array.from({ length: 500 }, () => [0, 0] as const))]);
    expect(lit(many)).toBeGreaterThan(lit(one) * 2);
    expect(pixelAt(many, 0, 0) >>> 24).toBeGreaterThan(pixelAt(one, 0, 0) >>> 24);
  });

  test("leaves out rows before and after the slice, and rows without a place", () => {
    const all = layer([[0, 0], [90, 0], [NaN, NaN]]);
    const pixels = drawn([{ ...all, slice: [1, 3] }]);
    expect(pixelAt(pixels, 0, 0)).toBe(0);
    expect(pixelAt(pixels, 90, 0)).not.toBe(0);
  });

  test("shares a dot between layers, so that none hides the other", () => {
    const place = Array.from({ length: 64 }, () => [20, 10] as const);
    const twice = [...place, ...place];
    const [orange, blue] = [drawn([layer(twice)]), drawn([layer(twice, 1)])];
    const both = drawn([layer(place), layer(place, 1)]);
    const same = (pixels: Uint32Array) => both.filter((pixel, i) => pixel !== 0 && pixel === pixels[i]).length;
    expect(same(orange)).toBeGreaterThan(20);
    expect(same(blue)).toBeGreaterThan(20);
  });

  test("keeps a lone row of one layer visible among many of another", () => {
    const many = Array.from({ length: 1_000 }, () => [20, 10] as const);
    expect(drawn([layer(many), layer([[20, 10]], 1)])).not.toEqual(drawn([layer(many)]));
  });

  test("lets few rows of any layer show on top of many of another", () => {
    const many = (hue: number) => layer(Array.from({ length: 2_000 }, () => [20, 10] as const), hue);
    const few = (hue: number) => layer([[26, 10]], hue); // another cell, under the same dot
    const below = drawn([many(0)]);
    for (const layers of [[many(0), few(1)], [few(1), many(0)]]) {
      const both = drawn(layers);
      expect(pixelAt(both, 26, 10)).not.toBe(pixelAt(below, 26, 10));
      expect(pixelAt(both, 20, 10)).toBe(pixelAt(below, 20, 10));
    }
  });

  test("draws a ring, hollow, where only the country is known", () => {
    const pixels = drawn([layer(Array.from({ length: 200 }, () => [0, 0] as const), 0, 1)]);
    expect(pixelAt(pixels, 0, 0)).toBe(0);
    expect(lit(pixels)).toBeGreaterThan(10);
  });

  test("draws a row that stands for many events like that many rows", () => {
    const lone = layer([[0, 0], [60, 20]]);
    const heavy = { ...lone, columns: { ...lone.columns, weight: Uint32Array.of(64, 0xffffffff) } };
    const rows = (count: number) => Array.from({ length: count }, () => [0, 0] as const);
    const most = Array.from({ length: 40_000 }, () => [60, 20] as const);
    expect(drawn([heavy])).toEqual(drawn([layer([...rows(64), ...most])]));
  });

  test("fills the pixels of finer screens", () => {
    const fine = drawn([layer([[0, 0]])], patchOf(WHOLE_WORLD, size, 2));
    expect(lit(fine)).toBeGreaterThan(lit(drawn([layer([[0, 0]])])) * 2);
  });

  test("is blank without layers", () => expect(lit(drawn([]))).toBe(0));
});
