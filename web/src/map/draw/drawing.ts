/** How rows are drawn: points, clusters, heat or countries; with lines, with the night. */

import type { Choice, Choices, Drawing } from "../choice.ts";
import { el, part } from "../../dom.ts";
import { bundleFor, leads } from "./found.ts";
import { BEAT } from "./pulse.ts";
import type { Listener, Told } from "../told.ts";

const DRAWINGS: readonly (readonly [Drawing, string])[] = [
  ["points", "Points"], ["clusters", "Clusters"], ["heat", "Heat"], ["countries", "Countries"],
];

export class DrawingSwitch implements Listener {
  readonly #choices: Choices;
  readonly #boxes = new Map<Drawing, HTMLInputElement>();
  readonly #arcs = part<HTMLButtonElement>("arcs");
  readonly #night = part<HTMLButtonElement>("night");

  constructor(choices: Choices) {
    this.#choices = choices;
    part("drawings").append(...DRAWINGS.map(([drawing, text]) => this.#option(drawing, text)));
    this.#arcs.addEventListener("click", () => choices.change({ arcs: !choices.now.arcs }));
    this.#night.addEventListener("click", () => choices.change({ night: !choices.now.night }));
  }

  #option(drawing: Drawing, text: string): HTMLElement {
    const box = el("input", { type: "radio", name: "drawing", value: drawing, class: "unseen" });
    box.addEventListener("change", () => this.#choices.change({ drawing }));
    this.#boxes.set(drawing, box);
    return el("label", {}, box, text);
  }

  show({ choice, layers }: Told): void {
    for (const [drawing, box] of this.#boxes) box.checked = drawing === choice.drawing;
    this.#arcs.hidden = !layers.some(({ dataset }) => leads(dataset));
    pressed(this.#arcs, choice.arcs);
    pressed(this.#night, choice.night);
  }
}

const pressed = (button: HTMLElement, on: boolean): void => button.setAttribute("aria-pressed", String(on));

const still = matchMedia("(prefers-reduced-motion: reduce)");

/** The moving lights on the lines: on until somebody stops them, or the system asks for stillness. */
export class Lights implements Listener {
  readonly #button = part<HTMLButtonElement>("still");
  readonly #beat: () => void;
  #paused = false;
  #any = false;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** `beat` draws them where they are now. */
  constructor(beat: () => void) {
    this.#beat = beat;
    this.#button.addEventListener("click", () => {
      this.#paused = !this.#paused;
      this.#run();
    });
    still.addEventListener("change", () => this.#run());
  }

  get moving(): boolean {
    return this.#any && !this.#paused && !still.matches;
  }

  show(told: Told): void {
    this.#any = told.choice.arcs && bundleFor(told).arcs.length > 0;
    this.#run();
  }

  #run(): void {
    this.#button.hidden = !this.#any || still.matches;
    this.#button.textContent = this.#paused ? "Move" : "Pause";
    this.#button.title = this.#paused ? "Let the lights move on" : "Stop the moving lights";
    if (!this.moving) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    } else this.#timer ??= setInterval(this.#beat, BEAT);
    this.#beat();
  }
}

/** The moment whose night is shown: the end of the time range, or now to the minute. */
export const nightOf = ({ night, range }: Choice, now: number): number | null =>
  night ? (range?.to ?? Math.floor(now / 60_000) * 60_000) : null;
