/** Plays the time range: the buttons, and the frames. */

import { part } from "../../dom.ts";
import type { Choice, Choices } from "../choice.ts";
import { advanced, opening, stepped, type Course, type Pace } from "./play.ts";
import type { Bins, Range } from "../data/slice.ts";

const WHOLE = 40_000; // milliseconds for all of the logs at single speed
const LEISURE = 900; // between two steps, for those who asked for less motion
const LEAP = 250; // a page that was in the background goes on where it was

const still = matchMedia("(prefers-reduced-motion: reduce)");

export class Player {
  readonly #choices: Choices;
  readonly #bins: () => Bins | null;
  readonly #button = part<HTMLButtonElement>("play");
  readonly #speed = part<HTMLSelectElement>("speed");
  readonly #course = part<HTMLSelectElement>("course");
  readonly #loop = part<HTMLInputElement>("loop");
  #playing = false;
  #mine: Range | null = null;
  #before = 0;

  constructor(choices: Choices, bins: () => Bins | null) {
    this.#choices = choices;
    this.#bins = bins;
    this.#button.addEventListener("click", () => this.toggle());
    choices.hear((now, before) => this.#chosen(now, before));
    this.#told();
  }

  toggle(): void {
    if (this.#playing) this.#stop();
    else this.#start();
  }

  /** Moves the range by so many bins. */
  step(count: number): void {
    const bins = this.#bins();
    this.#stop();
    if (bins !== null) this.#choices.change({ range: stepped(this.#choices.now.range, bins, count), last: null });
  }

  get #pace(): Pace {
    return { course: this.#course.value as Course, loop: this.#loop.checked };
  }

  #start(): void {
    const bins = this.#bins();
    if (bins === null) return;
    this.#playing = true;
    this.#told();
    this.#show(opening(this.#choices.now.range, bins, this.#pace.course));
    this.#before = performance.now();
    this.#next();
  }

  #stop(): void {
    this.#playing = false;
    this.#told();
  }

  #next(): void {
    if (!this.#playing) return;
    if (still.matches) window.setTimeout(() => this.#frame(performance.now()), LEISURE / Number(this.#speed.value));
    else requestAnimationFrame((now) => this.#frame(now));
  }

  #frame(now: number): void {
    const bins = this.#bins();
    const range = this.#choices.now.range;
    if (!this.#playing || bins === null || range === null) return this.#stop();
    const passed = Math.min(Math.max(now - this.#before, 0), LEAP);
    this.#before = now;
    const by = still.matches ? bins.step : (passed * Number(this.#speed.value) * bins.step * bins.count) / WHOLE;
    const next = advanced(range, by, bins, this.#pace);
    if (next === null) return this.#stop();
    this.#show(next);
    this.#next();
  }

  #show(range: Range): void {
    this.#mine = range;
    this.#choices.change({ range, last: null });
  }

  /** Whoever takes hold of the range meanwhile has it. */
  #chosen(now: Choice, before: Choice): void {
    if (this.#playing && now.range !== before.range && now.range !== this.#mine) this.#stop();
  }

  #told(): void {
    this.#button.textContent = this.#playing ? "❚❚" : "▶";
    this.#button.setAttribute("aria-label", this.#playing ? "Pause" : "Play");
    this.#button.title = `${this.#playing ? "Pause" : "Play"} (Space, with the map in focus)`;
    document.documentElement.toggleAttribute("data-playing", this.#playing);
  }
}
