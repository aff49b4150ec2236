import { describe, expect, test } from "vitest";
import { Grid, type Area } from "./grid.ts";

const area: Area = { scale: 10, left: -30, top: -15, columns: 60, rows: 30 };
const ROWS = 2_000;

/** A fixed scatter, some of it beyond the area, some of it nowhere. */
function scatter(weighed: boolean) {
  const part = (step: number) => (row: number) => (row % 97 === 0 ? NaN : (((row * step) % 1) - 0.5) * 7);
  const rows = Array.from({ length: ROWS }, (_, row) => row);
  return {
    x: Float32Array.from(rows, part(0.618034)), y: Float32Array.from(rows, part(0.754878)),
    coarse: Uint8Array.from(rows, (row) => +(row % 7 === 0)), weight: weighed ? Uint32Array.from(rows, (row) => 1 + (row % 5)) : null,
  };
}

const told = (grid: Grid) => Array.from({ length: grid.size }, (_, cell) => cell).filter((cell) => grid.total(cell) > 0)
  .map((cell) => [cell, grid.total(cell), grid.of(cell, 0), grid.of(cell, 1), grid.x(cell), grid.y(cell), grid.present(cell)]);

const fresh = (layers: Parameters<Grid["count"]>[0]) => {
  const grid = new Grid();
  grid.count(layers, area);
  return grid;
};

describe("the grid", () => {
  test("is after any brushing what it would be from scratch, to the last bit", () => {
    const [one, two] = [scatter(false), scatter(true)];
    const used = new Grid();
    for (const [a, b] of [[0, 900], [100, 900], [50, 1_000], [1_500, 1_700], [1_690, 2_000], [0, 0], [0, 2_000], [3, 4]]) {
      const layers = [{ columns: one, slice: [a, b] as const }, { columns: two, slice: [b >> 1, b] as const }];
      used.count(layers, area);
      expect(told(used)).toEqual(told(fresh(layers)));
      expect(used.occupied).toBe(told(used).length);
    }
  });

  test("notices other rows, other layers and another area", () => {
    const used = fresh([{ columns: scatter(false), slice: [0, ROWS] }]);
    const layers = [{ columns: scatter(true), slice: [0, ROWS] as const }];
    used.count(layers, area);
    expect(told(used)).toEqual(told(fresh(layers)));
    used.count([], area);
    expect(told(used)).toEqual([]);
    const elsewhere = { ...area, left: -10 };
    used.count(layers, elsewhere);
    const expected = new Grid();
    expected.count(layers, elsewhere);
    expect(told(used)).toEqual(told(expected));
  });
});
