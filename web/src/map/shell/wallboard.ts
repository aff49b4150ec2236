/** The map on a wall: no controls, large figures, the newest rows, layers in turn.
 *
 *  Nobody clicks there, and the picture stays for months. So it is dark, what is bright moves a little
 *  every minute, and whoever touches anything has the map for a while. */

import { el, part } from "../../dom.ts";
import * as format from "../../format.ts";
import { readable } from "../../text.ts";
import type { ThemeSwitch } from "../../theme.ts";
import { type Choice, type Choices } from "../choice.ts";
import type { Listener, Told } from "../told.ts";
import { flipping, isShown } from "../sift/selection.ts";
import { newest, turnAfter, type Turn } from "./turns.ts";

const TURN = 20_000;
const REST = 60_000; // after somebody touched something
const DRIFT = 60_000;
const DRIFTS = [[0, 0], [6, 4], [12, 0], [6, -4]] as const; // CSS pixels
const EVENTS = 8;
const LAST = 24;

type Kept = Pick<Choice, "flipped" | "range" | "last" | "view">;

export class Wallboard implements Listener {
  readonly #choices: Choices;
  readonly #theme: ThemeSwitch;
  #told: Told | null = null;
  #kept: Kept | null = null;
  #turn: Turn = null;
  #touched = -Infinity;
  #timers: readonly number[] = [];

  constructor(choices: Choices, theme: ThemeSwitch) {
    this.#choices = choices;
    this.#theme = theme;
    choices.hear((now, before) => now.wallboard !== before.wallboard && this.#switch(now));
    part("wall").addEventListener("click", () => this.toggle());
    for (const kind of ["pointerdown", "wheel", "keydown"]) {
      window.addEventListener(kind, () => (this.#touched = performance.now()), { passive: true });
    }
    document.addEventListener("fullscreenchange", () => {
      if (document.fullscreenElement === null && choices.now.wallboard) choices.change({ wallboard: false });
    });
  }

  toggle(): void {
    this.#choices.change({ wallboard: !this.#choices.now.wallboard });
  }

  show(told: Told): void {
    this.#told = told;
    if (!told.choice.wallboard) return;
    const { shown, colourOf } = told;
    const rows = shown.reduce((sum, { slice: [first, end] }) => sum + end - first, 0);
    part("wall-total").textContent = format.count(rows);
    part("wall-layers").replaceChildren(...shown.map(({ layer, slice: [first, end] }) =>
      el("li", {}, dot(colourOf(layer)), el("bdi", {}, layer.dataset.title), el("strong", {}, format.count(end - first)))));
    part("wall-events").replaceChildren(...newest(shown, EVENTS).map(({ layer, time, label, country }) =>
      el("li", {}, dot(colourOf(layer)), el("time", {}, format.clock(time)), el("bdi", {}, readable(null, label)), el("span", {}, country))));
  }

  #switch({ wallboard, flipped, range, last, view }: Choice): void {
    document.documentElement.toggleAttribute("data-wallboard", wallboard);
    this.#timers.forEach(clearInterval);
    if (wallboard) {
      this.#kept = { flipped, range, last, view };
      this.#theme.hold(this.#theme.current === "contrast" ? "contrast" : "dark");
      this.#timers = [window.setInterval(() => this.#next(), TURN), window.setInterval(() => this.#tick(), 1_000)];
      this.#tick();
      // Browsers go full screen only for a person, not for a link.
      if (navigator.userActivation?.isActive) void document.documentElement.requestFullscreen?.().catch(() => {});
      if (range === null && last === null) this.#choices.change({ last: LAST });
    } else {
      this.#theme.hold(null);
      if (document.fullscreenElement !== null) void document.exitFullscreen().catch(() => {});
      if (this.#kept) this.#choices.change(this.#kept);
      this.#kept = null;
    }
  }

  /** The time, and whether the figures are of now. */
  #tick(): void {
    const { dataset, textContent } = part("status");
    part("wall-clock").textContent = `${format.clock(Date.now()).slice(0, 5)} UTC`;
    part("wall-status").textContent = dataset["state"] === "offline" ? textContent : "";
  }

  /** All layers, then each by itself; and a little to the side, for the sake of the screen. */
  #next(): void {
    const now = performance.now();
    const drift = DRIFTS[Math.floor(now / DRIFT) % DRIFTS.length];
    part("wallboard").style.translate = drift.map((by) => `${by}px`).join(" ");
    if (this.#told === null || this.#kept === null || now - this.#touched < REST) return;
    const kept = this.#kept;
    const shown = this.#told.layers.filter((layer) => isShown(layer, kept)).map(({ dataset }) => dataset.name);
    this.#turn = turnAfter(this.#turn, shown);
    const others = this.#turn === null ? [] : shown.filter((name) => name !== this.#turn);
    this.#choices.change({ flipped: flipping(kept.flipped, others) });
  }
}

function dot(colour: string): HTMLElement {
  const made = el("i", { class: "dot" });
  made.style.background = colour;
  return made;
}
