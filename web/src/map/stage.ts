/** The map itself: three canvases on top of one another, redrawn at most once per frame.
 *
 *  All of them say `willReadFrequently`, which keeps them on the CPU: on a remote desktop the
 *  "accelerated" canvas is a software GPU, twenty times slower. */

import { Basemap } from "./basemap.ts";
import { part } from "../dom.ts";
import type { Theme } from "../theme.ts";
import { GROUND } from "./palette.ts";
import { Raster, type Drawn } from "./raster.ts";
import { toScreen, toWorld, type Size, type View } from "./view.ts";

export interface Scene {
  readonly view: View;
  readonly theme: Theme;
  readonly layers: readonly Drawn[];
  /** World points with a ring round them: under the pointer, pinned. */
  readonly marks: readonly { readonly x: number; readonly y: number; readonly firm: boolean }[];
  /** Show where Enter would look. */
  readonly crosshair: boolean;
}

const MOST_PIXELS = 5_000_000;

function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) throw new Error("this browser cannot draw on a canvas");
  return context;
}

export class Stage {
  readonly element = part("stage");
  readonly surface = part<HTMLCanvasElement>("marks");
  readonly basemap: Basemap;
  readonly #contexts = ["ground", "points", "marks"].map((id) => contextOf(part<HTMLCanvasElement>(id)));
  readonly #raster = new Raster();
  readonly #scene: () => Scene;
  #image = new ImageData(1, 1);
  #ratio = 1;
  #size: Size = { width: 1, height: 1 };
  #waiting = false;
  #groundChanged = true;
  #pointsChanged = true;

  constructor(scene: () => Scene, resized: () => void) {
    this.#scene = scene;
    this.basemap = new Basemap(() => this.redraw());
    new ResizeObserver(() => {
      this.#fit();
      resized();
      this.#paint(); // at once: a resized canvas is blank
    }).observe(this.element);
    this.#watchRatio();
    this.#fit();
  }

  get size(): Size {
    return this.#size;
  }

  /** Dots grow with the screen, and a little with the zoom, where they have room. In steps, because
   *  each size has sprites of its own. */
  #dot(view: View): number {
    const screen = Math.min(Math.max(this.#size.width / 1_100, 0.65), 1.5);
    return Math.round(screen * (0.88 + 0.06 * Math.log2(view.zoom)) * 20) / 20;
  }

  /** Draws everything in the next frame. */
  redraw(): void {
    this.#groundChanged = true;
    this.repoint();
  }

  /** Draws the points and the marks: other rows, same view. */
  repoint(): void {
    this.#pointsChanged = true;
    this.remark();
  }

  /** Draws the marks alone, which is all that hovering changes. */
  remark(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    requestAnimationFrame(() => this.#paint());
  }

  countryAt(px: number, py: number): string | null {
    return this.basemap.countryAt(this.#contexts[0], ...toWorld(this.#scene().view, this.#size, px, py));
  }

  /** A window dragged to another screen, or browser zoom, changes the ratio without a resize. */
  #watchRatio(): void {
    matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener("change", () => {
      this.#fit();
      this.redraw();
      this.#watchRatio();
    }, { once: true });
  }

  #fit(): void {
    this.#size = { width: this.element.clientWidth || 1, height: this.element.clientHeight || 1 };
    this.#ratio = this.#affordableRatio();
    const width = Math.round(this.#size.width * this.#ratio);
    const height = Math.round(this.#size.height * this.#ratio);
    for (const { canvas } of this.#contexts) {
      canvas.width = width;
      canvas.height = height;
    }
    this.#image = new ImageData(width, height);
    this.#groundChanged = this.#pointsChanged = true;
  }

  /** Beyond two, or many millions of pixels, the eye gains less than the CPU loses. */
  #affordableRatio(): number {
    const most = Math.sqrt(MOST_PIXELS / (this.#size.width * this.#size.height));
    return Math.min(devicePixelRatio, 2, Math.max(1, most));
  }

  #paint(): void {
    this.#waiting = false;
    const scene = this.#scene();
    const [ground, points, marks] = this.#contexts;
    if (this.#groundChanged) {
      this.basemap.paint(ground, scene.view, this.#size, this.#ratio, GROUND[scene.theme]);
    }
    if (this.#pointsChanged) {
      const frame = { view: scene.view, size: this.#size, ratio: this.#ratio, dot: this.#dot(scene.view) };
      this.#raster.draw(scene.layers, frame, new Uint32Array(this.#image.data.buffer));
      points.putImageData(this.#image, 0, 0);
    }
    this.#groundChanged = this.#pointsChanged = false;
    this.#mark(marks, scene);
  }

  #mark(context: CanvasRenderingContext2D, scene: Scene): void {
    const { width, height } = this.#size;
    context.setTransform(this.#ratio, 0, 0, this.#ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.strokeStyle = GROUND[scene.theme].mark;
    for (const { x, y, firm } of scene.marks) {
      const [px, py] = toScreen(scene.view, this.#size, x, y);
      context.lineWidth = firm ? 2 : 1.25;
      context.beginPath();
      context.arc(px, py, 11, 0, 2 * Math.PI);
      context.stroke();
    }
    if (!scene.crosshair) return;
    context.lineWidth = 1;
    context.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      context.moveTo(width / 2 + 5 * dx, height / 2 + 5 * dy);
      context.lineTo(width / 2 + 13 * dx, height / 2 + 13 * dy);
    }
    context.stroke();
  }
}
