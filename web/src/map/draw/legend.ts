/** The key to what is drawn, made by the same code as the map. */

import { classOf as thicknessOf, widthOf } from "./arcs.ts";
import type { Choices, Measure } from "../choice.ts";
import { el } from "../../dom.ts";
import * as format from "../../format.ts";
import { breaksOf, bundleFor, classColours, counted, nationsFor, unitOf } from "./found.ts";
import { Part } from "../../part.ts";
import { CHANGES, css, GROUND, heatRamp, ramp, type Ramp } from "./palette.ts";
import { patchOf } from "./patch.ts";
import { bunch, contextOf } from "./pictures.ts";
import { Raster } from "./raster.ts";
import type { Listener, Told } from "../told.ts";
import { WHOLE_WORLD } from "./view.ts";

const SIZE = { width: 44, height: 28 };
const DOTS = [1, 10, 100, 1_000];
const BUNCHES = [10, 1_000, 100_000];
const LINES = [1, 30, 1_000];

export class Legend implements Listener {
  readonly #part: Part;
  readonly #choices: Choices;
  #told: Told | null = null;
  #most = 0;

  constructor(host: HTMLElement, choices: Choices) {
    this.#part = new Part(host);
    this.#choices = choices;
  }

  show(told: Told): void {
    this.#told = told;
    this.#renew();
  }

  /** The map has been painted, and its strongest colour stands for so many events. */
  painted(most: number): void {
    if (most === this.#most) return;
    this.#most = most;
    this.#renew();
  }

  #renew(): void {
    const told = this.#told;
    if (told === null) return;
    const { drawing, measure, arcs } = told.choice;
    const nations = drawing === "countries" ? nationsFor(told) : null;
    const facts = nations && [breaksOf(nations), nations.stray, nations.compared];
    const lines = arcs ? bundleFor(told) : null;
    const hues = told.shown.map(({ layer }) => told.colourOf(layer));
    const counts = lines && [lines.arcs.length, lines.dropped];
    const dependsOn = [drawing, measure, told.theme, hues, unitOf(told), this.#most, facts, counts];
    this.#part.show(dependsOn, () => [...this.#key(told), ...(lines ? lineKey(told) : [])]);
  }

  #key(told: Told): HTMLElement[] {
    switch (told.choice.drawing) {
      case "points": return dotKey(told);
      case "clusters": return bunchKey(told);
      case "heat": return heatKey(told, this.#most);
      case "countries": return [this.#measures(told), ...countryKey(told)];
    }
  }

  #measures({ choice }: Told): HTMLElement {
    const button = (measure: Measure, text: string): HTMLElement => {
      const pressed = String(measure === choice.measure);
      const made = el("button", { type: "button", "data-focus": measure, "aria-pressed": pressed }, text);
      made.addEventListener("click", () => this.#choices.change({ measure }));
      return made;
    };
    return el("div", { class: "presets measures", role: "group", "aria-label": "Colour of countries" },
      button("share", "Share"), button("change", "Change"));
  }
}

const key = (picture: HTMLElement, text: string): HTMLElement => el("li", {}, picture, el("span", {}, text));

const unitsOf = (told: Told): string => (unitOf(told) === "row" ? "Rows" : "Events");

const hint = (text: string): HTMLElement => el("p", { class: "hint" }, text);

/** A canvas of a sample's size, and its context in CSS pixels. */
function sample(paint: (context: CanvasRenderingContext2D, ratio: number) => void): HTMLCanvasElement {
  const ratio = Math.min(devicePixelRatio, 2);
  const [width, height] = [Math.round(SIZE.width * ratio), Math.round(SIZE.height * ratio)];
  const canvas = el("canvas", { width, height, "aria-hidden": "true" });
  const context = contextOf(canvas);
  context.scale(ratio, ratio);
  paint(context, ratio);
  return canvas;
}

function dotKey(told: Told): HTMLElement[] {
  const ramps = [ramp(0, told.theme), ramp(1, told.theme)];
  const scale = DOTS.map((rows) =>
    key(dots(rows, 0, [ramps[0]]), rows === 1 ? counted(told, 1) : format.count(rows)));
  const notes = [
    key(dots(16, 0, ramps), "two layers at one spot"),
    key(dots(16, 1, [ramps[0]]), "country only, in its middle"),
  ];
  return [el("ul", { class: "scale" }, ...scale), el("ul", { class: "notes" }, ...notes)];
}

const dots = (rows: number, coarse: number, ramps: readonly Ramp[]): HTMLElement => sample((context, ratio) => {
  const patch = patchOf(WHOLE_WORLD, SIZE, ratio);
  const image = new ImageData(patch.width, patch.height);
  const columns = {
    x: new Float32Array(rows), y: new Float32Array(rows), coarse: new Uint8Array(rows).fill(coarse), weight: null,
  };
  const layers = ramps.map((ramp) => ({ columns, slice: [0, rows] as const, ramp }));
  new Raster().draw(layers, patch, 1, new Uint32Array(image.data.buffer));
  context.putImageData(image, 0, 0);
});

function bunchKey(told: Told): HTMLElement[] {
  const colours = told.shown.map(({ layer }) => told.colourOf(layer));
  const ring = colours.length > 0 ? colours : [GROUND[told.theme].mark];
  const one = (events: number): HTMLElement => sample((context) => {
    const cluster = { events, parts: ring.map(() => events / ring.length) };
    bunch(context, cluster, SIZE.width / 2, SIZE.height / 2, ring, GROUND[told.theme], 0.48);
  });
  return [
    el("ul", { class: "scale" }, ...BUNCHES.map((events) => key(one(events), format.compact(events)))),
    hint(`${unitsOf(told)} nearby, the ring shared by layer. A click looks closer, or lists the rows of one place.`),
  ];
}

function heatKey(told: Told, most: number): HTMLElement[] {
  const bar = el("canvas", { width: 255, height: 1, class: "bar-of-heat", "aria-hidden": "true" });
  const image = new ImageData(255, 1);
  new Uint32Array(image.data.buffer).set(heatRamp(told.theme).subarray(1));
  contextOf(bar).putImageData(image, 0, 0);
  const ticks = [0.25, 0.5, 0.75, 1].map((share) => Math.round(most * share ** 3));
  return [
    bar, el("ul", { class: "ticks" }, ...ticks.map((events) => el("li", {}, events < 1 ? "" : format.compact(events)))),
    hint(`${unitsOf(told)} around one spot, all layers together, by the cube root; the end of the scale follows the view.`),
  ];
}

function countryKey(told: Told): HTMLElement[] {
  const nations = nationsFor(told);
  const stray = nations.stray > 0 ? [hint(`In no country of this map: ${counted(told, nations.stray)}.`)] : [];
  if (told.choice.measure === "share") return [...shareKey(told), ...stray];
  if (!nations.compared) {
    return [hint("Nothing to compare with: choose a time range that is preceded by as much data."), ...stray];
  }
  const texts = ["a quarter or less", "half or less", "about as many", "twice or more", "four times or more, or new"];
  return [
    el("ul", { class: "classes" }, ...texts.map((text, i) => swatch(css(CHANGES[i]), text))),
    hint("Against the period before, which is as long."), ...stray,
  ];
}

function shareKey(told: Told): HTMLElement[] {
  const breaks = breaksOf(nationsFor(told));
  if (breaks.length === 0) return [hint("No country has any rows.")];
  const colours = classColours(breaks.length, told.theme);
  const said = breaks.map((bound, i) =>
    format.share(bound) + (i + 1 < breaks.length ? ` – ${format.share(breaks[i + 1])}` : " or more"));
  return [
    el("ul", { class: "classes" }, ...said.map((text, i) => swatch(colours[i], text))),
    hint(`Share of all ${unitOf(told)}s that name a country; logarithmic steps.`),
  ];
}

function swatch(colour: string, text: string): HTMLElement {
  const patch = el("i", { class: "swatch" });
  patch.style.background = colour;
  return key(patch, text);
}

function lineKey(told: Told): HTMLElement[] {
  const { arcs, dropped } = bundleFor(told);
  if (arcs.length === 0) return [hint("No shown layer says where its rows lead.")];
  const line = (events: number): HTMLElement => sample((context) => {
    context.strokeStyle = GROUND[told.theme].mark;
    context.globalAlpha = 0.7;
    context.lineWidth = widthOf(thicknessOf(events));
    context.beginPath();
    context.moveTo(6, 20);
    context.quadraticCurveTo(22, 4, 38, 20);
    context.stroke();
  });
  const drawn = format.count(arcs.length);
  const all = dropped === 0 ? `All ${drawn} lines` : `The ${drawn} strongest of ${format.count(arcs.length + dropped)} lines`;
  return [
    el("ul", { class: "scale leads" }, ...LINES.map((events) => key(line(events), format.compact(events)))),
    hint(`${all}: one for all ${unitOf(told)}s between two areas of some 150 km.`),
  ];
}
