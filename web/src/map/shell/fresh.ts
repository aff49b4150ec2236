/** The badges of a layer, which unfold to the facts behind them and to what can be done. */

import { el } from "../../dom.ts";
import { Part } from "../../part.ts";
import { badge, facts as pairs } from "../../pieces.ts";
import { badges, facts, isLocal, isStale } from "./freshly.ts";
import type { Layer } from "../data/layers.ts";
import type { Refreshes } from "./refreshing.ts";

/** What can be done with a layer. */
export interface Deeds {
  readonly refreshes: Refreshes;
  rename(name: string, title: string): void;
  remove(name: string): void;
}

const LONGEST_TITLE = 80;

export class Fresh {
  readonly element = el("details", { class: "fresh" });
  readonly #summary = el("summary", { class: "badges" });
  readonly #facts = el("div");
  readonly #button = el("button", { type: "button" }, "Refresh");
  readonly #said = el("p", { class: "facts", role: "status" });
  readonly #parts = [new Part(this.#summary), new Part(this.#facts)] as const;
  readonly #deeds: Deeds;

  constructor(layer: Layer, deeds: Deeds) {
    const { name } = layer.dataset;
    this.#deeds = deeds;
    this.#button.addEventListener("click", () => void deeds.refreshes.start(name));
    this.element.append(this.#summary, this.#facts, ...(isLocal(layer) ? this.#own(layer) : [this.#button, this.#said]));
  }

  show(layer: Layer, now: number): void {
    const { refreshes } = this.#deeds;
    const { name, title } = layer.dataset;
    const [words, known] = [badges(layer, now), facts(layer, now)];
    this.#parts[0].show([title, words], () => [el("span", { class: "unseen" }, `${title}: `), ...words.map(badge)]);
    this.#parts[1].show(known, () => [pairs(...known)]);
    this.element.classList.toggle("stale", isStale(layer, now));
    this.#button.hidden = refreshes.denied;
    this.#button.setAttribute("aria-disabled", String(refreshes.isBusy(name)));
    this.#button.setAttribute("aria-label", `Refresh ${title}`);
    if (this.#said.textContent !== refreshes.said(name)) this.#said.textContent = refreshes.said(name);
  }

  /** A file of one's own can have another name, and go again. */
  #own({ dataset: { name, title } }: Layer): HTMLElement[] {
    const input = el("input", { value: title, maxlength: LONGEST_TITLE, "aria-label": "Name of the layer" });
    input.addEventListener("change", () => this.#deeds.rename(name, input.value.trim() || title));
    const remove = el("button", { type: "button" }, "Remove");
    remove.addEventListener("click", () => this.#deeds.remove(name));
    return [el("p", { class: "answer" }, input, remove), el("p", { class: "facts" }, "Read in this browser; never sent anywhere.")];
  }
}
