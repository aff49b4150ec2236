/** The map itself: canvases on top of one another, redrawn at most once per frame.
 *
 *  All of them say `willReadFrequently`, which keeps them on the CPU: on a remote desktop the
 *  "accelerated" canvas is a software GPU, twenty times slower. */

import type { Bundle } from "./arcs.ts";
import { Basemap, type Country } from "./basemap.ts";
import { part } from "../../dom.ts";
import { GROUND } from "./palette.ts";
import { patchAround, patchOf, type Patch } from "./patch.ts";
import { contextOf, nightfall, paintArcs, Rows, type Pictured, type Shown } from "./pictures.ts";
import { pulses } from "./pulse.ts";
import { Sheet } from "./sheet.ts";
import { scaleOf, toScreen, toWorld, type Size, type View } from "./view.ts";

export interface Scene extends Shown {
  readonly view: View;
  /** The colours of countries by code. */
  readonly fills: ReadonlyMap<string, string> | null;
  /** The moment whose night is shown. */
  readonly night: number | null;
  readonly arcs: { readonly bundle: Bundle; readonly colours: readonly string[]; readonly moving: boolean } | null;
  /** World points with a ring round them: under the pointer, pinned. */
  readonly marks: readonly Mark[];
  /** Show where Enter would look. */
  readonly crosshair: boolean;
}

export interface Mark {
  readonly x: number;
  readonly y: number;
  readonly firm: boolean;
  /** CSS pixels. */
  readonly reach?: number;
  /** A country to draw round, instead of a ring. */
  readonly country?: string;
}

const MOST_PIXELS = 5_000_000;
const RING = 11; // CSS pixels

export class Stage {
  readonly element = part("stage");
  readonly surface = part<HTMLCanvasElement>("marks");
  readonly basemap: Basemap;
  readonly #ground = new Sheet(part<HTMLCanvasElement>("ground"));
  readonly #arcs = new Sheet(part<HTMLCanvasElement>("lines"));
  readonly #points = new Sheet(part<HTMLCanvasElement>("points"));
  readonly #marks = contextOf(this.surface);
  readonly #rows = new Rows();
  readonly #scene: () => Scene;
  readonly #painted: () => void;
  #ratio = 1;
  #size: Size = { width: 1, height: 1 };
  #waiting = false;
  #blank = false;
  #fills: Scene["fills"] = null;

  /** `painted` hears that the rows have been drawn anew. */
  constructor(scene: () => Scene, resized: () => void, painted: () => void) {
    this.#scene = scene;
    this.#painted = painted;
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

  get pictured(): Pictured {
    return this.#rows.pictured;
  }

  /** Dots grow with the screen, and a little with the zoom, where they have room. In steps, because
   *  each size has sprites of its own. */
  #dot(view: View): number {
    const screen = Math.min(Math.max(this.#size.width / 1_100, 0.65), 1.5);
    return Math.round(screen * (0.88 + 0.06 * Math.log2(view.zoom)) * 20) / 20;
  }

  /** Draws everything anew in the next frame. */
  redraw(): void {
    this.#ground.spoil();
    this.repoint();
  }

  /** Draws the rows and what comes of them: other rows, same view. */
  repoint(): void {
    const { fills } = this.#scene();
    if (!sameFills(fills, this.#fills)) this.#ground.spoil();
    this.#fills = fills;
    this.#points.spoil();
    this.#arcs.spoil();
    this.remark();
  }

  /** Draws what a new view, a hovered spot or a moving light changes. */
  remark(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    requestAnimationFrame(() => this.#paint());
  }

  countryAt(px: number, py: number): Country | null {
    const { view, fills } = this.#scene();
    return this.basemap.countryAt(this.#marks, ...toWorld(view, this.#size, px, py), scaleOf(view, this.#size), fills);
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
    const { width, height } = patchOf({ x: 0, y: 0, zoom: 1 }, this.#size, this.#ratio);
    for (const { canvas } of [this.#ground.screen, this.#arcs.screen, this.#points.screen, this.#marks]) {
      canvas.width = width;
      canvas.height = height;
    }
  }

  /** Beyond two, or many millions of pixels, the eye gains less than the CPU loses. */
  #affordableRatio(): number {
    const most = Math.sqrt(MOST_PIXELS / (this.#size.width * this.#size.height));
    return Math.min(devicePixelRatio, 2, Math.max(1, most));
  }

  #paint(): void {
    this.#waiting = false;
    const scene = this.#scene();
    const screen = patchOf(scene.view, this.#size, this.#ratio);
    const patch = patchAround(scene.view, this.#size, this.#ratio);
    this.#ground.show(screen, patch, (context) => this.#paintGround(context, patch, scene));
    this.#arcs.screen.canvas.hidden = scene.arcs === null;
    if (scene.arcs) {
      const { bundle, colours } = scene.arcs;
      this.#arcs.show(screen, patch, (context) => paintArcs(context, patch, bundle, colours));
    }
    const dot = this.#dot(scene.view);
    const anew = this.#points.show(screen, patch, (context) => this.#rows.paint(context, patch, dot, scene));
    this.#mark(screen, scene);
    if (anew) this.#painted();
  }

  #paintGround(context: CanvasRenderingContext2D, patch: Patch, { view, theme, fills, night }: Scene): void {
    const ground = GROUND[theme];
    const shade = night === null ? null : nightfall(night, patch, ground);
    this.basemap.paint(context, patch, { zoom: view.zoom, ground, fills, shade });
  }

  #mark(screen: Patch, scene: Scene): void {
    const context = this.#marks;
    const { width, height } = this.#size;
    const blank = scene.marks.length === 0 && !scene.crosshair && !scene.arcs?.moving;
    if (blank && this.#blank) return; // a canvas that is touched is copied to the screen
    this.#blank = blank;
    context.setTransform(this.#ratio, 0, 0, this.#ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    if (scene.arcs?.moving) pulses(context, screen, scene.arcs, performance.now());
    context.strokeStyle = GROUND[scene.theme].mark;
    for (const mark of scene.marks) {
      context.lineWidth = mark.firm ? 2 : 1.25;
      if (mark.country) this.basemap.outline(context, screen, mark.country);
      else ring(context, ...toScreen(scene.view, this.#size, mark.x, mark.y), mark.reach ?? RING);
    }
    if (scene.crosshair) crosshair(context, width, height);
  }
}

function ring(context: CanvasRenderingContext2D, px: number, py: number, reach: number): void {
  context.beginPath();
  context.arc(px, py, reach, 0, 2 * Math.PI);
  context.stroke();
}

function sameFills(a: Scene["fills"], b: Scene["fills"]): boolean {
  if (a === null || b === null) return a === b;
  return a.size === b.size && [...a].every(([code, colour]) => b.get(code) === colour);
}

function crosshair(context: CanvasRenderingContext2D, width: number, height: number): void {
  context.lineWidth = 1;
  context.beginPath();
  for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
    context.moveTo(width / 2 + 5 * dx, height / 2 + 5 * dy);
    context.lineTo(width / 2 + 13 * dx, height / 2 + 13 * dy);
  }
  context.stroke();
}
