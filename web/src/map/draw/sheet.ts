/** A picture of a patch of the world, kept off the screen so that dragging only shifts it. */

import { samePatch, type Patch } from "./patch.ts";
import { contextOf, resize } from "./pictures.ts";

export class Sheet {
  readonly #screen: CanvasRenderingContext2D;
  readonly #context = contextOf(document.createElement("canvas"));
  #patch: Patch | null = null;

  constructor(screen: HTMLCanvasElement) {
    this.#screen = contextOf(screen);
  }

  get screen(): CanvasRenderingContext2D {
    return this.#screen;
  }

  /** What is on it is no longer true. */
  spoil(): void {
    this.#patch = null;
  }

  /** Puts on the screen what belongs there; paints it first unless it is there from before. */
  show(screen: Patch, patch: Patch, paint: (context: CanvasRenderingContext2D) => void): boolean {
    const stale = this.#patch === null || !samePatch(this.#patch, patch);
    if (stale) this.#paint(patch, paint);
    this.#screen.setTransform(1, 0, 0, 1, 0, 0);
    this.#screen.globalCompositeOperation = "copy"; // clears and draws at once
    this.#screen.drawImage(this.#context.canvas, patch.left - screen.left, patch.top - screen.top);
    this.#screen.globalCompositeOperation = "source-over";
    return stale;
  }

  #paint(patch: Patch, paint: (context: CanvasRenderingContext2D) => void): void {
    const { canvas } = this.#context;
    resize(canvas, patch.width, patch.height);
    paint(this.#context);
    this.#patch = patch;
  }
}
