/** The search box, how it was understood, and what else is filtered. */

import { el, part } from "../../dom.ts";
import * as format from "../../format.ts";
import { plain } from "../../text.ts";
import type { Choices } from "../choice.ts";
import { chips, toggled, type Chip } from "./facet.ts";
import { said } from "./meaning.ts";
import type { Listener, Told } from "../told.ts";

const DEBOUNCE = 180;

/** Whether a key that is pressed there is meant as a letter. */
export const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.matches("input:not([type=checkbox], [type=radio]), textarea, select");

export class Find implements Listener {
  readonly #choices: Choices;
  readonly #box = part<HTMLInputElement>("search");
  readonly #told = part("search-said");
  readonly #chips = part("chips");
  #timer = 0;
  #shown = "";

  constructor(choices: Choices) {
    this.#choices = choices;
    this.#box.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = window.setTimeout(() => this.#search(), DEBOUNCE);
    });
    this.#box.addEventListener("change", () => this.#search()); // on leaving it, before anything else is chosen
    this.#box.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("keydown", (event) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      event.preventDefault();
      this.#box.focus();
      this.#box.select();
    });
  }

  show({ choice: { search, facets }, filters, shown }: Told): void {
    if (document.activeElement !== this.#box) this.#box.value = search;
    const rows = shown.reduce((sum, { slice: [first, end] }) => sum + end - first, 0);
    const meaning = filters.meaning === null ? "" : `${format.rows(rows)} ${plain(said(filters.meaning))}`;
    const text = filters.busy ? "Searching…" : meaning;
    if (this.#told.textContent !== text) this.#told.textContent = this.#told.title = text;
    this.#showChips(chips(facets));
  }

  #key(event: KeyboardEvent): void {
    if (event.key === "Enter") this.#search();
    if (event.key !== "Escape") return;
    event.stopPropagation(); // Escape would clear the time range too
    if (this.#box.value === "") this.#box.blur();
    this.#box.value = "";
    this.#search();
  }

  #search(): void {
    clearTimeout(this.#timer);
    if (this.#box.value.trim() !== this.#choices.now.search) this.#choices.change({ search: this.#box.value.trim() });
  }

  #showChips(all: readonly Chip[]): void {
    const key = JSON.stringify(all);
    if (key === this.#shown) return;
    this.#shown = key;
    const held = this.#chips.contains(document.activeElement);
    this.#chips.replaceChildren(...all.map((chip) => this.#chip(chip)), ...(all.length > 1 ? [this.#clear()] : []));
    if (held) (this.#chips.querySelector("button") ?? this.#box).focus();
  }

  #chip({ key, value, text }: Chip): HTMLElement {
    const name = plain(text);
    const chip = el("button", { type: "button", class: key.startsWith("!") ? "chip out" : "chip", "aria-label": `Remove the filter ${name}`, title: `${name}: click to remove` },
      el("bdi", {}, name), el("span", { "aria-hidden": "true" }, "×"));
    chip.addEventListener("click", () => this.#choices.change({ facets: toggled(this.#choices.now.facets, key, value) }));
    return chip;
  }

  #clear(): HTMLElement {
    const clear = el("button", { type: "button", class: "chip plain" }, "Clear all");
    clear.addEventListener("click", () => this.#choices.change({ facets: {} }));
    return clear;
  }
}
