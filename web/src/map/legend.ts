/** The key to the dots, drawn by the same raster as the map. */

import { el } from "../dom.ts";
import { Raster } from "./raster.ts";
import type { Ramp } from "./palette.ts";
import { WHOLE_WORLD } from "./view.ts";

const SIZE = { width: 44, height: 28 };
const SAMPLES = [
  { rows: 1, coarse: 0, text: "1 row" },
  { rows: 10, coarse: 0, text: "10" },
  { rows: 100, coarse: 0, text: "100" },
  { rows: 1_000, coarse: 0, text: "1,000" },
];
const NOTES = [
  { rows: 16, coarse: 0, layers: 2, text: "two layers at one spot" },
  { rows: 16, coarse: 1, layers: 1, text: "country only, in its middle" },
];

export function legend(ramps: readonly [Ramp, Ramp]): HTMLElement[] {
  const scale = SAMPLES.map(({ rows, coarse, text }) => key(sample(rows, coarse, [ramps[0]]), text));
  const notes = NOTES.map(({ rows, coarse, layers, text }) =>
    key(sample(rows, coarse, ramps.slice(0, layers)), text));
  return [el("ul", { class: "scale" }, ...scale), el("ul", { class: "notes" }, ...notes)];
}

const key = (picture: HTMLElement, text: string): HTMLElement => el("li", {}, picture, el("span", {}, text));

function sample(rows: number, coarse: number, ramps: readonly Ramp[]): HTMLCanvasElement {
  const ratio = Math.min(devicePixelRatio, 2);
  const [width, height] = [Math.round(SIZE.width * ratio), Math.round(SIZE.height * ratio)];
  const canvas = el("canvas", { width, height, "aria-hidden": "true" });
  const image = new ImageData(width, height);
  const columns = {
    x: new Float32Array(rows), y: new Float32Array(rows), coarse: new Uint8Array(rows).fill(coarse),
  };
  const layers = ramps.map((ramp) => ({ columns, slice: [0, rows] as const, ramp }));
  const frame = { view: WHOLE_WORLD, size: SIZE, ratio, dot: 1 };
  new Raster().draw(layers, frame, new Uint32Array(image.data.buffer));
  canvas.getContext("2d", { willReadFrequently: true })?.putImageData(image, 0, 0);
  return canvas;
}
