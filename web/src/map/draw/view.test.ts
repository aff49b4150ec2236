import { describe, expect, test } from "vitest";
import { HALF_HEIGHT, HALF_WIDTH } from "./projection.ts";
import { bounded, DEEPEST, fitting, panned, toScreen, toWorld, WHOLE_WORLD, zoomed } from "./view.ts";

const size = { width: 1_000, height: 600 };

describe("the view", () => {
  test("shows the whole world at first", () => {
    for (const [x, y] of [[-HALF_WIDTH, 0], [HALF_WIDTH, 0], [0, -HALF_HEIGHT], [0, HALF_HEIGHT]]) {
      const [px, py] = toScreen(WHOLE_WORLD, size, x, y);
      expect(px).toBeGreaterThanOrEqual(0);
      expect(px).toBeLessThanOrEqual(size.width);
      expect(py).toBeGreaterThanOrEqual(0);
      expect(py).toBeLessThanOrEqual(size.height);
    }
  });

  test("keeps the place under the pointer when it zooms", () => {
    const before = toWorld(WHOLE_WORLD, size, 620, 250);
    const after = toWorld(zoomed(WHOLE_WORLD, size, 4, 620, 250), size, 620, 250);
    expect(after[0]).toBeCloseTo(before[0], 10);
    expect(after[1]).toBeCloseTo(before[1], 10);
  });

  test("moves with the hand", () => {
    const view = zoomed(WHOLE_WORLD, size, 8, 500, 300);
    const [x, y] = toWorld(view, size, 400, 300);
    const [px, py] = toScreen(panned(view, size, 30, -20), size, x, y);
    expect([px, py].map(Math.round)).toEqual([430, 280]);
  });

  test("never leaves the world or its zoom", () => {
    expect(panned(WHOLE_WORLD, size, 400, 400).x).toBeCloseTo(0);
    expect(bounded({ x: 99, y: -99, zoom: 1e9 }, size).zoom).toBe(48);
    expect(bounded({ x: 99, y: 0, zoom: 8 }, size).x).toBeLessThan(HALF_WIDTH);
    expect(zoomed(WHOLE_WORLD, size, 0.01, 1, 1).zoom).toBe(1);
  });

  test("survives a stage without room", () => {
    expect(Number.isFinite(toScreen(WHOLE_WORLD, { width: 1, height: 1 }, 1, 1)[0])).toBe(true);
  });

  test("fits a part of the world with room around it, always closer than before", () => {
    const [left, top, right, bottom] = [0.1, -0.9, 0.4, -0.8];
    const view = fitting({ left, top, right, bottom }, size, WHOLE_WORLD);
    const [from, to] = [toScreen(view, size, left, top), toScreen(view, size, right, bottom)];
    expect((to[0] - from[0]) / size.width).toBeCloseTo(0.5);
    expect((from[0] + to[0]) / 2).toBeCloseTo(size.width / 2);
    const world = { left: -HALF_WIDTH, top: -HALF_HEIGHT, right: HALF_WIDTH, bottom: HALF_HEIGHT };
    expect(fitting(world, size, WHOLE_WORLD).zoom).toBe(1.5);
    expect(fitting({ left, top, right: left, bottom: top }, size, WHOLE_WORLD).zoom).toBe(DEEPEST);
  });
});
