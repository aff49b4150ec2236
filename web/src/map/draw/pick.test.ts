import { describe, expect, test } from "vitest";
import { pick, type Candidate } from "./pick.ts";
import { project } from "./projection.ts";
import { toScreen, WHOLE_WORLD } from "./view.ts";

const size = { width: 1_000, height: 600 };

function rows(...places: readonly (readonly [longitude: number, latitude: number, time: number])[]): Candidate {
  const points = places.map(([longitude, latitude]) => project(longitude, latitude));
  return {
    columns: {
      x: Float32Array.from(points, ([x]) => x),
      y: Float32Array.from(points, ([, y]) => y),
      time: Float64Array.from(places, ([, , time]) => time),
      start: new Uint32Array(places.length),
    },
    slice: [0, places.length],
  };
}

const at = (longitude: number, latitude: number, candidates: Candidate[]) =>
  pick(candidates, WHOLE_WORLD, size, ...toScreen(WHOLE_WORLD, size, ...project(longitude, latitude)));

describe("under the pointer", () => {
  const first = rows([4.9, 52.4, 1], [4.9, 52.4, 3], [-46, -23, 4], [NaN, NaN, 5]);
  const second = rows([4.9, 52.4, 2]);

  test("are all rows of the spot, of every layer, newest first", () => {
    expect(at(5, 52, [first, second])?.hits).toEqual([
      { layer: 0, row: 1 }, { layer: 1, row: 0 }, { layer: 0, row: 0 },
    ]);
  });

  test("is nothing far from every row", () => expect(at(100, 0, [first, second])).toBeNull());

  test("are no rows outside the time range", () => {
    expect(at(4.9, 52.4, [{ ...first, slice: [2, 4] }])).toBeNull();
  });
});
