import { describe, expect, test } from "vitest";
import { patchAround, patchOf, samePatch } from "./patch.ts";
import { bounded, panned, WHOLE_WORLD, zoomed } from "./view.ts";

const size = { width: 1_000, height: 600 };
const close = zoomed(WHOLE_WORLD, size, 6, 300, 200);

describe("the piece that is drawn", () => {
  test("holds the screen, wherever it is dragged", () => {
    for (let step = -40; step < 40; step++) {
      const view = panned(close, size, step * 37, step * 11);
      const [piece, screen] = [patchAround(view, size, 1.5), patchOf(view, size, 1.5)];
      expect(piece.left).toBeLessThanOrEqual(screen.left);
      expect(piece.top).toBeLessThanOrEqual(screen.top);
      expect(piece.left + piece.width).toBeGreaterThanOrEqual(screen.left + screen.width);
      expect(piece.top + piece.height).toBeGreaterThanOrEqual(screen.top + screen.height);
    }
  });

  test("is the same for views nearby, and another after a quarter of the screen", () => {
    const views = Array.from({ length: 11 }, (_, step) => patchAround(panned(close, size, -step * 25, 0), size, 1));
    const changes = views.filter((piece, i) => i > 0 && !samePatch(piece, views[i - 1])).length;
    expect(changes).toBe(1);
  });

  test("is the screen itself when that shows the whole world", () => {
    const view = bounded(WHOLE_WORLD, size);
    expect(patchAround(view, size, 1).width).toBe(size.width);
  });
});
