/** What is painted on each sheet: the rows in the drawing that was chosen, the night, the lines. */

import { classOf, CLASSES, greatCircle, widthOf, type Arc, type Bundle } from "./arcs.ts";
import type { Drawing } from "../choice.ts";
import { clustersOf, radiusOf, type Cluster } from "./clusters.ts";
import { Heat, type HeatPicture } from "./heat.ts";
import { shade, sunAt, terminator } from "./night.ts";
import { GROUND, heatRamp, type Ground } from "./palette.ts";
import type { Patch } from "./patch.ts";
import { Raster, type Drawn } from "./raster.ts";
import { compact } from "../../format.ts";
import type { Theme } from "../../theme.ts";

export interface Shown {
  readonly drawing: Drawing;
  readonly theme: Theme;
  readonly layers: readonly Drawn[];
  readonly colours: readonly string[];
}

/** What the legend and the pointer ask of the last picture. */
export interface Pictured {
  readonly clusters: readonly Cluster[];
  /** Events at one spot that the end of the heat's colours stands for. */
  readonly most: number;
}

type Context = CanvasRenderingContext2D;

/** The rows, in each of the drawings. */
export class Rows {
  readonly #raster = new Raster();
  readonly #heat = new Heat();
  readonly #small = contextOf(document.createElement("canvas"));
  #image = new ImageData(1, 1);
  pictured: Pictured = { clusters: [], most: 0 };

  paint(context: Context, patch: Patch, dot: number, shown: Shown): void {
    this.pictured = { clusters: [], most: 0 };
    if (shown.drawing === "points") return this.#points(context, patch, dot, shown);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, patch.width, patch.height);
    if (shown.drawing === "heat") this.#warmth(context, patch, shown);
    if (shown.drawing === "clusters") this.#clusters(context, patch, shown);
  }

  #points(context: Context, patch: Patch, dot: number, { layers }: Shown): void {
    const { width, height } = patch;
    if (this.#image.width !== width || this.#image.height !== height) this.#image = new ImageData(width, height);
    this.#raster.draw(layers, patch, dot, new Uint32Array(this.#image.data.buffer));
    context.putImageData(this.#image, 0, 0);
  }

  #warmth(context: Context, patch: Patch, { layers, theme }: Shown): void {
    const picture = this.#heat.draw(layers, patch, heatRamp(theme));
    this.pictured = { clusters: [], most: picture.most };
    enlarge(context, this.#small, picture, picture.left, picture.top);
  }

  #clusters(context: Context, patch: Patch, { layers, colours, theme }: Shown): void {
    const clusters = clustersOf(layers, patch);
    this.pictured = { clusters, most: 0 };
    const { ratio, scale, left, top } = patch;
    context.setTransform(ratio, 0, 0, ratio, -left, -top);
    for (const cluster of clusters.toReversed()) { // the strongest on top
      bunch(context, cluster, (cluster.x * scale) / ratio, (cluster.y * scale) / ratio, colours, GROUND[theme]);
    }
  }
}

export function contextOf(canvas: HTMLCanvasElement): Context {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) throw new Error("this browser cannot draw on a canvas");
  return context;
}

/** Only if it must be: a canvas that is resized is made anew. */
export function resize(canvas: HTMLCanvasElement, width: number, height: number): void {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}

/** Paints a small picture large, and smoothly. */
function enlarge(
  context: Context, small: Context, { width, height, cell, pixels }: Omit<HeatPicture, "left" | "top" | "most">,
  left: number, top: number,
): void {
  if (width === 0 || height === 0) return;
  resize(small.canvas, width, height);
  small.putImageData(new ImageData(new Uint8ClampedArray(pixels.buffer), width, height), 0, 0);
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.imageSmoothingEnabled = true;
  context.drawImage(small.canvas, left, top, width * cell, height * cell);
}

/** A disc with its count, in a ring that is shared by the layers. */
export function bunch(
  context: Context, { events, parts }: Pick<Cluster, "events" | "parts">, x: number, y: number,
  colours: readonly string[], ground: Ground, size = 1,
): void {
  const radius = radiusOf(events) * size;
  context.fillStyle = ground.halo;
  context.globalAlpha = 0.92;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
  context.globalAlpha = 1;
  context.lineWidth = 3;
  let from = -Math.PI / 2;
  parts.forEach((part, layer) => {
    if (part === 0) return;
    const to = from + (part / events) * 2 * Math.PI;
    context.strokeStyle = colours[layer];
    context.beginPath();
    context.arc(x, y, radius - 1.5, from, to);
    context.stroke();
    from = to;
  });
  context.fillStyle = ground.mark;
  if (size < 1) return; // in the legend the figure stands below
  context.font = "600 11px system-ui, 'Segoe UI', sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(compact(events), x, y + 0.5);
}

/** The night side at a moment, ready to be laid over the ground. */
export function nightfall(moment: number, patch: Patch, ground: Ground): (context: Context) => void {
  const sun = sunAt(moment);
  return (context) => {
    const dark = shade(sun, patch, ground.night, ground.darkness);
    enlarge(context, contextOf(document.createElement("canvas")), dark, 0, 0);
    context.beginPath();
    terminator(sun).forEach(([x, y], i) => {
      const [px, py] = [x * patch.scale - patch.left, y * patch.scale - patch.top];
      if (i === 0) context.moveTo(px, py);
      else context.lineTo(px, py);
    });
    context.strokeStyle = ground.mark;
    context.globalAlpha = 0.35;
    context.lineWidth = patch.ratio;
    context.stroke();
  };
}

type Line = readonly (readonly [x: number, y: number])[];

const drawnBefore = new WeakMap<Arc["from"], WeakMap<Arc["to"], readonly Line[]>>();

/** The way of an arc; its ends are the same objects from one choice to the next. */
export function linesOf({ from, to }: Arc): readonly Line[] {
  const ways = drawnBefore.get(from) ?? new WeakMap<Arc["to"], readonly Line[]>();
  drawnBefore.set(from, ways);
  const lines = ways.get(to) ?? greatCircle(from, to);
  ways.set(to, lines);
  return lines;
}

/** All lines, weakest first; one stroke for all of a layer that are as thick. */
export function paintArcs(context: Context, patch: Patch, { arcs }: Bundle, colours: readonly string[]): void {
  const { scale, ratio, left, top, width, height } = patch;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, width, height);
  context.setTransform(scale, 0, 0, scale, -left, -top);
  context.lineCap = "round";
  context.lineJoin = "round";
  for (let kind = 0; kind < CLASSES; kind++) {
    colours.forEach((colour, layer) => {
      context.beginPath();
      for (const arc of arcs) {
        if (arc.layer === layer && classOf(arc.events) === kind) traceLines(context, linesOf(arc));
      }
      context.strokeStyle = colour;
      context.globalAlpha = 0.24 + 0.08 * kind;
      context.lineWidth = (widthOf(kind) * ratio) / scale;
      context.stroke();
    });
  }
  context.globalAlpha = 1;
}

function traceLines(context: Context, lines: readonly Line[]): void {
  for (const line of lines) line.forEach(([x, y], i) => (i === 0 ? context.moveTo(x, y) : context.lineTo(x, y)));
}
