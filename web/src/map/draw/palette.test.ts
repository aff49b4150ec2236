import { describe, expect, test } from "vitest";
import { heatRamp, ramp, viridis } from "./palette.ts";

describe("the colours", () => {
  test.each([
    [0, [68, 1, 84]], [0.25, [59, 82, 139]], [0.5, [33, 145, 140]], [0.75, [94, 201, 98]], [1, [253, 231, 37]],
  ] as const)("of amounts are viridis, at %d too", (amount, published) => {
    viridis(amount).forEach((part, i) => expect(Math.abs(part - published[i])).toBeLessThan(6));
  });

  test("start from nothing and never fade on the way", () => {
    for (const pixels of [ramp(0, "dark"), ramp(1, "light"), heatRamp("dark"), heatRamp("light")]) {
      expect(pixels[0]).toBe(0);
      for (let light = 1; light < 256; light++) expect(pixels[light] >>> 24).toBeGreaterThanOrEqual(pixels[light - 1] >>> 24);
    }
  });
});
