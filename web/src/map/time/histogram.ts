/** When it happened: stacked bars on round UTC bins, and a brush that drags, moves, and obeys keys. */

import { el } from "../../dom.ts";
import * as format from "../../format.ts";
import { binsFor, countsIn, stepFor, type Bins, type Range } from "../data/slice.ts";

export interface Series {
  readonly colour: string;
  readonly time: Float64Array;
}

export interface Chart {
  readonly domain: Range | null;
  readonly series: readonly Series[];
  readonly range: Range | null;
  readonly ink: string;
}

const DAY = 86_400_000;
const BAR = 8; // CSS pixels, gap included
const AXIS = 18;
const TOP = 14;
const GRIP = 8; // how near to an edge still takes hold of it

type Drag = { readonly kind: "from" | "to" | "new" | "move"; readonly bin: number; readonly range: Range | null };

export class Histogram {
  readonly #host: HTMLElement;
  readonly #canvas = el("canvas", { "aria-hidden": "true" });
  readonly #grips = (["from", "to"] as const).map((edge) => this.#grip(edge));
  readonly #brushed: (range: Range | null) => void;
  readonly #pointed: (text: string) => void;
  #chart: Chart = { domain: null, series: [], range: null, ink: "" };
  #bins: Bins | null = null;
  #counts: readonly Uint32Array[] = [];
  #drag: Drag | null = null;

  constructor(host: HTMLElement, brushed: (range: Range | null) => void, pointed: (text: string) => void) {
    this.#host = host;
    this.#brushed = brushed;
    this.#pointed = pointed;
    host.append(this.#canvas, ...this.#grips);
    new ResizeObserver(() => this.show(this.#chart)).observe(host);
    this.#canvas.addEventListener("pointerdown", (event) => this.#press(event));
    this.#canvas.addEventListener("pointermove", (event) => this.#move(event));
    this.#canvas.addEventListener("pointerup", () => this.#release());
    this.#canvas.addEventListener("pointercancel", () => (this.#drag = null));
    this.#canvas.addEventListener("pointerleave", () => this.#pointed(""));
    this.#canvas.addEventListener("dblclick", () => this.#brushed(null));
  }

  /** What the bars stand for; null without any time. */
  get bins(): Bins | null {
    return this.#bins;
  }

  show(chart: Chart): void {
    this.#chart = chart;
    const { domain } = chart;
    this.#bins = domain && binsFor(domain, Math.max(8, Math.floor(this.#host.clientWidth / BAR)));
    this.#counts = chart.series.map(({ time }) => (this.#bins ? countsIn(time, this.#bins) : new Uint32Array()));
    this.#paint();
    this.#placeGrips();
  }

  // Where things are. The bins fill the width.

  #x(moment: number, bins: Bins): number {
    return ((moment - bins.from) / (bins.step * bins.count)) * this.#host.clientWidth;
  }

  #binAt(px: number, bins: Bins): number {
    const bin = Math.floor((px / this.#host.clientWidth) * bins.count);
    return Math.min(Math.max(bin, 0), bins.count - 1);
  }

  #edgeAt(bin: number, bins: Bins): number {
    return bins.from + Math.min(Math.max(bin, 0), bins.count) * bins.step;
  }

  // The brush.

  #press(event: PointerEvent): void {
    const bins = this.#bins;
    if (bins === null || event.button !== 0) return;
    this.#canvas.setPointerCapture(event.pointerId);
    const { range } = this.#chart;
    this.#drag = { kind: this.#kindAt(event.offsetX, bins), bin: this.#binAt(event.offsetX, bins), range };
  }

  #kindAt(px: number, bins: Bins): Drag["kind"] {
    const { range } = this.#chart;
    if (range === null) return "new";
    const [left, right] = [this.#x(range.from, bins), this.#x(range.to, bins)];
    if (Math.abs(px - left) <= GRIP) return "from";
    if (Math.abs(px - right) <= GRIP) return "to";
    return px > left && px < right ? "move" : "new";
  }

  #move(event: PointerEvent): void {
    const bins = this.#bins;
    if (bins === null) return;
    const bin = this.#binAt(event.offsetX, bins);
    this.#tell(bin, bins);
    const kind = this.#drag?.kind ?? this.#kindAt(event.offsetX, bins);
    this.#canvas.dataset["grip"] = kind;
    if (this.#drag !== null) this.#brushed(this.#dragged(this.#drag, bin, bins));
  }

  #dragged({ kind, bin: start, range }: Drag, bin: number, bins: Bins): Range {
    if (kind === "new" || range === null) {
      return { from: this.#edgeAt(Math.min(start, bin), bins), to: this.#edgeAt(Math.max(start, bin) + 1, bins) };
    }
    if (kind === "from") return { ...range, from: Math.min(this.#edgeAt(bin, bins), range.to - bins.step) };
    if (kind === "to") return { ...range, to: Math.max(this.#edgeAt(bin + 1, bins), range.from + bins.step) };
    return this.#shifted(range, (bin - start) * bins.step, bins);
  }

  /** The range moved as far as the data goes. */
  #shifted(range: Range, by: number, bins: Bins): Range {
    const earliest = bins.from - range.from;
    const latest = bins.from + bins.count * bins.step - range.to;
    const shift = Math.min(Math.max(by, Math.min(earliest, 0)), Math.max(latest, 0));
    return { from: range.from + shift, to: range.to + shift };
  }

  /** A click without a drag takes the one bin under it. */
  #release(): void {
    const { kind, bin, range } = this.#drag ?? {};
    if (kind === "new" && range === this.#chart.range && bin !== undefined && this.#bins !== null) {
      const { from, step } = this.#bins;
      this.#brushed({ from: from + bin * step, to: from + (bin + 1) * step });
    }
    this.#drag = null;
  }

  #tell(bin: number, { from, step }: Bins): void {
    const start = from + bin * step;
    const rows = this.#counts.reduce((sum, counts) => sum + counts[bin], 0);
    this.#pointed(`${format.minute(start)}, ${format.span(step)}: ${format.rows(rows)}`);
  }

  #grip(edge: "from" | "to"): HTMLButtonElement {
    const label = edge === "from" ? "Start of the time range" : "End of the time range";
    const grip = el("button", { type: "button", class: "grip", role: "slider", "aria-label": label });
    grip.addEventListener("keydown", (event) => {
      const bins = this.#bins;
      const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: 10, PageDown: -10 }[event.key];
      if (step === undefined || bins === null) return;
      event.preventDefault();
      const range = this.#chart.range ?? { from: bins.from, to: this.#edgeAt(bins.count, bins) };
      const bin = Math.round((range[edge] - bins.from) / bins.step) + step;
      this.#brushed(this.#dragged({ kind: edge, bin: 0, range }, edge === "to" ? bin - 1 : bin, bins));
    });
    return grip;
  }

  #placeGrips(): void {
    const bins = this.#bins;
    this.#grips.forEach((grip, i) => {
      grip.hidden = bins === null;
      if (bins === null) return;
      const whole = { from: bins.from, to: this.#edgeAt(bins.count, bins) };
      const moment = (this.#chart.range ?? whole)[i === 0 ? "from" : "to"];
      const x = Math.min(Math.max(this.#x(moment, bins), 0), this.#host.clientWidth);
      grip.style.left = `${x}px`;
      grip.setAttribute("aria-valuemin", String(whole.from / 1_000));
      grip.setAttribute("aria-valuemax", String(whole.to / 1_000));
      grip.setAttribute("aria-valuenow", String(moment / 1_000));
      grip.setAttribute("aria-valuetext", `${format.minute(moment)} UTC`);
    });
  }

  // The picture.

  #paint(): void {
    const ratio = devicePixelRatio;
    const [width, height] = [this.#host.clientWidth, this.#host.clientHeight];
    this.#canvas.width = Math.round(width * ratio);
    this.#canvas.height = Math.round(height * ratio);
    const context = this.#canvas.getContext("2d", { willReadFrequently: true });
    if (context === null || this.#bins === null) return;
    context.scale(ratio, ratio);
    this.#paintAxis(context, this.#bins, width, height);
    this.#paintBars(context, this.#bins, width, height);
    if (this.#chart.range) this.#paintBrush(context, this.#bins, this.#chart.range, height);
  }

  #paintAxis(context: CanvasRenderingContext2D, bins: Bins, width: number, height: number): void {
    const to = bins.from + bins.count * bins.step;
    const step = stepFor({ from: bins.from, to }, Math.max(2, Math.floor(width / 90)));
    context.font = "11px system-ui, 'Segoe UI', sans-serif";
    context.textBaseline = "bottom";
    context.fillStyle = context.strokeStyle = this.#chart.ink;
    for (let moment = Math.ceil(bins.from / step) * step; moment < to; moment += step) {
      const x = Math.round(this.#x(moment, bins)) + 0.5;
      const midnight = moment % DAY === 0;
      context.globalAlpha = midnight ? 0.3 : 0.12;
      context.beginPath();
      context.moveTo(x, TOP);
      context.lineTo(x, height);
      context.stroke();
      const text = midnight ? format.day(moment) : format.clock(moment).slice(0, step < 60_000 ? 8 : 5);
      context.globalAlpha = midnight ? 0.95 : 0.7;
      if (x + context.measureText(text).width < width - 4) context.fillText(text, x + 4, height - 1);
    }
    context.globalAlpha = 1;
  }

  #paintBars(context: CanvasRenderingContext2D, bins: Bins, width: number, height: number): void {
    const room = height - AXIS - TOP;
    const totals = Array.from({ length: bins.count }, (_, bin) =>
      this.#counts.reduce((sum, counts) => sum + counts[bin], 0));
    const most = Math.max(1, ...totals);
    const bar = width / bins.count;
    const { range, series } = this.#chart;
    for (let bin = 0; bin < bins.count; bin++) {
      const start = bins.from + bin * bins.step;
      const inside = range === null || (start + bins.step > range.from && start < range.to);
      context.globalAlpha = inside ? 1 : 0.28;
      let floor = height - AXIS;
      series.forEach(({ colour }, i) => {
        const rows = this.#counts[i][bin];
        if (rows === 0) return;
        const tall = Math.max(1, (rows / most) * room); // one row must not vanish
        context.fillStyle = colour;
        context.fillRect(bin * bar, floor - tall, Math.max(1, bar - 1), tall);
        floor -= tall;
      });
    }
    context.globalAlpha = 0.7;
    context.fillStyle = this.#chart.ink;
    context.textBaseline = "top";
    context.fillText(`at most ${format.count(most)} in ${format.span(bins.step)}`, 2, 0);
    context.globalAlpha = 1;
  }

  #paintBrush(context: CanvasRenderingContext2D, bins: Bins, range: Range, height: number): void {
    const [left, right] = [this.#x(range.from, bins), this.#x(range.to, bins)];
    context.fillStyle = this.#chart.ink;
    context.globalAlpha = 0.08;
    context.fillRect(left, TOP, right - left, height - AXIS - TOP);
    context.globalAlpha = 1;
  }
}
