/** The map as a picture that explains itself: title, time, filters, legend, and how exact it is. */

import { part } from "../../dom.ts";
import * as format from "../../format.ts";
import { plain } from "../../text.ts";
import { chips } from "../sift/facet.ts";
import { said } from "../sift/meaning.ts";
import type { Told } from "../told.ts";

const MARGIN = 18; // CSS pixels
const LINE = 19;
const DOT = 5;
const NOTE = "Positions are approximate. Boundaries: Natural Earth, de facto. Projection: Equal Earth.";
const FONT = "system-ui, 'Segoe UI', 'Liberation Sans', sans-serif";

interface Inks {
  readonly paper: string;
  readonly ink: string;
  readonly soft: string;
}

interface Item {
  readonly text: string;
  /** A colour, or a sample that was drawn already. */
  readonly sign: string | HTMLCanvasElement | null;
}

/** As a PNG, in the pixels of the screen. */
export async function picture(told: Told): Promise<Blob> {
  const stage = part("stage").getBoundingClientRect();
  const { width, height } = stage;
  const layers = [...part("stage").querySelectorAll("canvas")].filter((canvas) => !canvas.hidden && canvas.width > 1);
  const ratio = layers[0].width / layers[0].getBoundingClientRect().width;
  const out = document.createElement("canvas");
  const context = out.getContext("2d", { willReadFrequently: true })!;
  const [head, foot] = [headOf(told), footOf(told)];
  context.font = `13px ${FONT}`;
  const rows = placed(context, foot, width);
  const above = MARGIN + LINE * head.length + 8;
  out.width = Math.round(width * ratio);
  out.height = Math.round((above + height + MARGIN + LINE * (rows.at(-1)?.row ?? 0) + 2 * LINE + MARGIN) * ratio);
  context.scale(ratio, ratio);
  const inks = inksOf();
  context.fillStyle = inks.paper;
  context.fillRect(0, 0, width, out.height);
  paintHead(context, head, inks, width);
  paintMap(context, layers, stage, above);
  paintFoot(context, rows, inks, above + height + MARGIN);
  return new Promise((resolve, reject) =>
    out.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the browser made no picture"))), "image/png"));
}

/** The canvases as they lie on the screen, which need not be edge to edge. */
function paintMap(context: CanvasRenderingContext2D, layers: readonly HTMLCanvasElement[], stage: DOMRect, above: number): void {
  context.save();
  context.beginPath();
  context.rect(0, above, stage.width, stage.height);
  context.clip();
  for (const canvas of layers) {
    const { x, y, width, height } = canvas.getBoundingClientRect();
    context.drawImage(canvas, x - stage.x, y - stage.y + above, width, height);
  }
  context.restore();
}

function inksOf(): Inks {
  const style = getComputedStyle(document.body);
  return {
    paper: getComputedStyle(part("panel")).backgroundColor, ink: style.color, soft: getComputedStyle(part("total-note")).color,
  };
}

function headOf({ choice, domain, filters, shown, layers }: Told): string[] {
  const range = choice.range ?? domain;
  const rows = shown.reduce((sum, { slice: [first, end] }) => sum + end - first, 0);
  const when = range ? `${format.minute(range.from)} – ${format.minute(range.to)} UTC · ` : "";
  const filtered = [...chips(choice.facets).map(({ text }) => text), ...(filters.meaning ? [`rows ${said(filters.meaning)}`] : [])];
  const made = layers.some(({ dataset }) => dataset.synthetic) ? ["Synthetic data: no real activity."] : [];
  return ["Tidegate Map", `${when}${format.rows(rows)}`, ...(filtered.length > 0 ? [`Filters: ${filtered.map(plain).join(" · ")}`] : []), ...made];
}

function footOf({ shown, colourOf }: Told): Item[] {
  const layers = shown.map(({ layer, slice: [first, end] }) =>
    ({ sign: colourOf(layer), text: `${plain(layer.dataset.title)}: ${format.count(end - first)}` }));
  const samples = [...part("legend").querySelectorAll("li")].map((item) =>
    ({ sign: item.querySelector("canvas") ?? swatchOf(item), text: item.textContent ?? "" }));
  return [...layers, ...samples];
}

function swatchOf(item: Element): string | null {
  const swatch = item.querySelector("i");
  return swatch && getComputedStyle(swatch).backgroundColor;
}

interface Placed extends Item {
  readonly x: number;
  readonly row: number;
}

/** From left to right, and on the next line where there is no room. */
function placed(context: CanvasRenderingContext2D, items: readonly Item[], width: number): Placed[] {
  let [x, row] = [MARGIN, 0];
  return items.map((item) => {
    const room = 54 + context.measureText(item.text).width;
    if (x + room > width - MARGIN && x > MARGIN) [x, row] = [MARGIN, row + 1];
    const here = { ...item, x, row };
    x += room;
    return here;
  });
}

function paintHead(context: CanvasRenderingContext2D, lines: readonly string[], { ink, soft }: Inks, width: number): void {
  context.textBaseline = "middle";
  lines.forEach((line, i) => {
    context.font = i === 0 ? `650 16px ${FONT}` : `13px ${FONT}`;
    context.fillStyle = i === 0 ? ink : soft;
    context.fillText(line, MARGIN, MARGIN + LINE * i, width - 2 * MARGIN);
  });
}

function paintFoot(context: CanvasRenderingContext2D, items: readonly Placed[], { ink, soft }: Inks, top: number): void {
  context.font = `13px ${FONT}`;
  for (const { sign, text, x, row } of items) {
    const y = top + LINE * row;
    if (sign instanceof HTMLCanvasElement) context.drawImage(sign, x - 8, y - 11, 34, 22);
    else if (sign !== null) {
      context.fillStyle = sign;
      context.beginPath();
      context.arc(x + DOT, y, DOT, 0, 2 * Math.PI);
      context.fill();
    }
    context.fillStyle = ink;
    context.fillText(text, x + (sign instanceof HTMLCanvasElement ? 28 : 3 * DOT), y);
  }
  context.fillStyle = soft;
  context.fillText(NOTE, MARGIN, top + LINE * ((items.at(-1)?.row ?? 0) + 1) + 4);
}
