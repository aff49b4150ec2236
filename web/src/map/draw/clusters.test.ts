import { describe, expect, test } from "vitest";
import { clusterAt, clustersOf, extentOf, membersOf } from "./clusters.ts";
import { patchOf } from "./patch.ts";
import { project } from "./projection.ts";
import { panned, WHOLE_WORLD, zoomed } from "./view.ts";

const size = { width: 1_100, height: 600 };
const world = patchOf(WHOLE_WORLD, size, 1);

function layer(places: readonly (readonly [number, number])[], coarse = 0) {
  const points = places.map(([longitude, latitude]) => project(longitude, latitude));
  return {
    columns: {
      x: Float32Array.from(points, ([x]) => x), y: Float32Array.from(points, ([, y]) => y),
      coarse: new Uint8Array(points.length).fill(coarse), weight: null as Uint32Array | null,
    },
    slice: [0, points.length] as const,
  };
}

/** A fixed scatter: the fractional parts of multiples of the golden ratio. */
const scatter = layer(Array.from({ length: 3_000 }, (_, i) =>
  [((i * 0.618034) % 1) * 360 - 180, ((i * 0.754878) % 1) * 150 - 75] as const));

describe("clusters", () => {
  test("hold every row once", () => {
    const clusters = clustersOf([scatter], world);
    expect(clusters.reduce((sum, { events }) => sum + events, 0)).toBe(3_000);
    const rows = clusters.flatMap((cluster) => membersOf(cluster, [scatter]));
    expect(new Set(rows.map(({ row }) => row)).size).toBe(3_000);
    expect(rows).toHaveLength(3_000);
  });

  test("stay themselves while the map is dragged, and while it is zoomed a little", () => {
    const close = zoomed(WHOLE_WORLD, size, 4, 500, 300);
    const ids = (view = close) => new Map(clustersOf([scatter], patchOf(view, size, 1)).map(({ id, events }) => [id, events]));
    const before = ids();
    const same = (after: Map<string, number>) => [...after].filter(([id, events]) => before.get(id) === events).length;
    expect(same(ids(panned(close, size, 40, 25)))).toBeGreaterThan(before.size * 0.7);
    expect(same(ids(zoomed(close, size, 1.1, 550, 300)))).toBeGreaterThan(before.size * 0.7);
  });

  test("do not depend on the order of rows", () => {
    const { x, y } = scatter.columns;
    const turned = { ...scatter, columns: { ...scatter.columns, x: x.toReversed(), y: y.toReversed() } };
    const told = (of: typeof scatter) => clustersOf([of], world).map(({ id, events }) => [id, events]);
    expect(told(turned)).toEqual(told(scatter));
  });

  test("take in rows of layers and of countries' middles alike, by weight", () => {
    const [exact, middle] = [layer([[10, 50], [NaN, NaN]]), layer([[10.2, 50]], 1)];
    middle.columns.weight = Uint32Array.of(9);
    const [only, ...others] = clustersOf([exact, middle], world);
    expect(others).toEqual([]);
    expect([only.events, ...only.parts]).toEqual([10, 1, 9]);
    expect(membersOf(only, [exact, middle])).toEqual([{ layer: 0, row: 0 }, { layer: 1, row: 0 }]);
  });

  test("are found under the pointer, and know how far their rows are apart", () => {
    const layers = [layer([[10, 50], [10, 50], [100, -30]])];
    const clusters = clustersOf(layers, world);
    const found = clusterAt(clusters, ...project(10.5, 50), world.scale)!;
    expect(found.events).toBe(2);
    expect(clusterAt(clusters, ...project(-100, 0), world.scale)).toBeNull();
    const { left, right, top, bottom } = extentOf(membersOf(found, layers), layers);
    expect([right - left, bottom - top]).toEqual([0, 0]);
  });
});
