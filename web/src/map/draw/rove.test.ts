import { describe, expect, test } from "vitest";
import type { Cluster } from "./clusters.ts";
import { next } from "./rove.ts";

const at = (id: string, x: number, y: number): Cluster => ({ id, x, y, events: 1, parts: [1], cells: [0] });
const [middle, right, farRight, above, aslant] = [at("middle", 0, 0), at("right", 2, 0.5), at("far right", 5, 0), at("above", 0.2, -1), at("aslant", 1, 2)];
const all = [middle, right, farRight, above, aslant];

describe("arrow keys", () => {
  test.each([[[1, 0], "right"], [[0, -1], "above"], [[0, 1], "aslant"], [[-1, 0], undefined]] as const)(
    "in the direction %j lead to %j", (way, id) => expect(next(all, middle, way)?.id).toBe(id));

  test("come back", () => expect(next(all, right, [-1, 0])?.id).toBe("middle"));
});
