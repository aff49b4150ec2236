import { describe, expect, test } from "vitest";
import { bundle, greatCircle, MOST_ARCS, type Leading } from "./arcs.ts";
import { HALF_WIDTH, project, unproject } from "./projection.ts";

const [TOKYO, SEATTLE, LAGOS, BERLIN] = [project(139.69, 35.68), project(-122.33, 47.6), project(3.38, 6.52), project(13.4, 52.5)];

function leading(ways: readonly (readonly [readonly [number, number], readonly [number, number]])[]): Leading {
  const column = (pick: (way: (typeof ways)[number]) => number) => Float32Array.from(ways, pick);
  return {
    columns: {
      x: column(([from]) => from[0]), y: column(([from]) => from[1]),
      toX: column(([, to]) => to[0]), toY: column(([, to]) => to[1]), weight: null,
    },
    slice: [0, ways.length], sites: null,
  };
}

describe("a great circle", () => {
  test("goes the short way over the date line, in two lines that meet at the edges", () => {
    const lines = greatCircle(TOKYO, SEATTLE);
    expect(lines).toHaveLength(2);
    const [east, west] = [lines[0].at(-1)!, lines[1][0]];
    expect(east[0]).toBeGreaterThan(0.6 * HALF_WIDTH);
    expect(west[0]).toBeCloseTo(-east[0]);
    expect(west[1]).toBeCloseTo(east[1]);
    for (const line of lines) {
      for (let i = 1; i < line.length; i++) expect(Math.abs(line[i][0] - line[i - 1][0])).toBeLessThan(0.2);
    }
  });

  test("passes the pole where that is shorter", () => {
    const lines = greatCircle(project(0, 70), project(179, 70));
    const highest = Math.max(...lines.flat().map(([x, y]) => unproject(x * 0.9999, y)?.[1] ?? 0));
    expect(highest).toBeGreaterThan(88);
  });

  test("begins and ends where it should", () => {
    const [line] = greatCircle(LAGOS, BERLIN);
    expect(line[0][0]).toBeCloseTo(LAGOS[0]);
    expect(line.at(-1)![1]).toBeCloseTo(BERLIN[1]);
  });

  test("is none to the same place, nor to its antipode, nor beside the globe", () => {
    expect(greatCircle(LAGOS, LAGOS)).toEqual([]);
    expect(greatCircle(project(0, 0), project(180, 0))).toEqual([]);
    expect(greatCircle([9, 9], LAGOS)).toEqual([]);
    expect(greatCircle([NaN, NaN], LAGOS)).toEqual([]);
  });
});

describe("lines", () => {
  test("gather rows between the same cells, and leave out rows that lead nowhere", () => {
    const near = [LAGOS[0] + 0.001, LAGOS[1]] as const;
    const { arcs } = bundle([leading([[LAGOS, BERLIN], [near, BERLIN], [TOKYO, [NaN, NaN]], [[NaN, NaN], BERLIN]])]);
    expect(arcs).toHaveLength(1);
    expect(arcs[0].events).toBe(2);
    expect(arcs[0].from[0]).toBeCloseTo(LAGOS[0] + 0.0005);
  });

  test("count only the rows in the time range, by weight", () => {
    const both = leading([[LAGOS, BERLIN], [LAGOS, BERLIN], [TOKYO, BERLIN]]);
    const { arcs } = bundle([{ ...both, columns: { ...both.columns, weight: Uint32Array.of(1, 6, 9) }, slice: [1, 2] }]);
    expect(arcs.map(({ events }) => events)).toEqual([6]);
  });

  test("lead to every site when the rows do not say where", () => {
    const { columns, slice } = leading([[LAGOS, BERLIN]]);
    const { arcs } = bundle([{ columns: { ...columns, toX: null, toY: null }, slice, sites: [BERLIN, TOKYO] }]);
    expect(arcs.map(({ to }) => to)).toEqual([BERLIN, TOKYO]);
  });

  test("are the strongest of too many", () => {
    const ways = Array.from({ length: 3_000 }, (_, i) => [project((i % 150) - 75, (i / 150) * 4 - 40), BERLIN] as const);
    const { arcs, dropped } = bundle([leading([...ways, [LAGOS, TOKYO], [LAGOS, TOKYO]])]);
    expect(arcs).toHaveLength(MOST_ARCS);
    expect(arcs[0].events).toBe(2);
    expect(dropped).toBeGreaterThan(500);
  });
});
