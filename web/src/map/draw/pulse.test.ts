import { describe, expect, test } from "vitest";
import { HALF_WIDTH, project } from "./projection.ts";
import { along } from "./pulse.ts";

const arc = { layer: 0, from: project(139.69, 35.68), to: project(-122.33, 47.6), events: 1 };

describe("a light", () => {
  test("goes from one end to the other and over the date line, never across the map", () => {
    const [start, end] = [along(arc, 0)!, along(arc, 1)!];
    expect(start[0]).toBeCloseTo(arc.from[0]);
    expect(end[0]).toBeCloseTo(arc.to[0]);
    for (let share = 0; share <= 1; share += 0.01) {
      const [x] = along(arc, share)!;
      expect(Math.abs(x)).toBeGreaterThan(0.3 * HALF_WIDTH);
    }
  });

  test("is nowhere on a line without a way", () => {
    expect(along({ ...arc, to: [...arc.from] }, 0.5)).toBeNull();
  });
});
