import { describe, expect, test } from "vitest";
import { Heat } from "./heat.ts";
import { heatRamp } from "./palette.ts";
import { patchOf } from "./patch.ts";
import { project } from "./projection.ts";
import { toScreen, WHOLE_WORLD } from "./view.ts";

const size = { width: 500, height: 260 };
const patch = patchOf(WHOLE_WORLD, size, 1);
const dark = heatRamp("dark");

function layer(places: readonly (readonly [number, number])[], weight: Uint32Array | null = null) {
  const points = places.map(([longitude, latitude]) => project(longitude, latitude));
  return {
    columns: {
      x: Float32Array.from(points, ([x]) => x), y: Float32Array.from(points, ([, y]) => y),
      coarse: new Uint8Array(points.length), weight,
    },
    slice: [0, points.length] as const,
  };
}

const scatter = layer(Array.from({ length: 2_000 }, (_, i) =>
  [((i * 0.618034) % 1) * 200 - 100, ((i * 0.754878) % 1) * 100 - 50] as const));

function heatAt(layers: Parameters<Heat["draw"]>[0], longitude: number, latitude: number): number {
  const { pixels, width, left, top, cell } = new Heat().draw(layers, patch, dark);
  const [x, y] = toScreen(WHOLE_WORLD, size, ...project(longitude, latitude));
  return dark.indexOf(pixels[Math.floor((y - top) / cell) * width + Math.floor((x - left) / cell)]);
}

describe("heat", () => {
  test("gives the same pixels for the same rows, whatever was drawn before", async () => {
    const used = new Heat();
    used.draw([layer([[50, 50]])], patch, dark);
    const hash = async (pixels: Uint32Array) =>
      new DataView(await crypto.subtle.digest("SHA-256", pixels.slice())).getBigUint64(0).toString(16);
    const again = await hash(used.draw([scatter], patch, dark).pixels);
    expect(again).toBe(await hash(new Heat().draw([scatter], patch, dark).pixels));
    expect(again).toMatchInlineSnapshot(`"d13ca52c4da536aa"`);
  });

  test("is strongest where most rows are, and fades to nothing around", () => {
    const many = layer(Array.from({ length: 100 }, () => [20, 10] as const));
    expect(heatAt([many], 20, 10)).toBeGreaterThan(200);
    expect(heatAt([many], 24, 10)).toBeLessThan(heatAt([many], 20, 10));
    expect(heatAt([many], 60, 10)).toBe(0);
  });

  test("sums layers and weighs rows; rows without a place add nothing", () => {
    const rows = Array.from({ length: 32 }, () => [20, 10] as const);
    const whole = heatAt([layer([...rows, ...rows])], 20, 10);
    expect(heatAt([layer(rows), layer([...rows, [NaN, NaN]])], 20, 10)).toBe(whole);
    expect(heatAt([layer([[20, 10]], Uint32Array.of(64))], 20, 10)).toBe(whole);
  });

  test("says what the end of its ramp stands for", () => {
    const most = (count: number) =>
      new Heat().draw([layer(Array.from({ length: count }, () => [0, 0] as const))], patch, dark).most;
    expect([most(0), most(1), most(100), most(128), most(200)]).toEqual([4, 4, 128, 128, 256]);
  });
});
