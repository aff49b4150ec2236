/** What is under the pointer, and what is pinned: rings on the map, the card, the readout. */

import { part } from "../dom.ts";
import * as format from "../format.ts";
import { Card } from "./card.ts";
import type { Choices } from "./choice.ts";
import { pick, type Spot } from "./pick.ts";
import { unproject } from "./projection.ts";
import type { Stage } from "./stage.ts";
import type { Listener, Told } from "./told.ts";
import { toScreen, toWorld } from "./view.ts";

type Point = readonly [px: number, py: number];

export interface Mark {
  readonly x: number;
  readonly y: number;
  readonly firm: boolean;
}

export class Spots implements Listener {
  readonly #choices: Choices;
  readonly #stage: Stage;
  readonly #card = new Card(part("card"), () => this.dismiss());
  #told: Told | null = null;
  #hovered: Spot | null = null;
  #pinned: Spot | null = null;
  #pointer: Point | null = null;
  #pointing = false;

  constructor(choices: Choices, stage: Stage) {
    this.#choices = choices;
    this.#stage = stage;
  }

  get marks(): readonly Mark[] {
    const [hovered, pinned] = [this.#hovered, this.#pinned];
    return [...(hovered ? [{ ...hovered, firm: false }] : []), ...(pinned ? [{ ...pinned, firm: true }] : [])];
  }

  /** Row numbers belong to the rows before, so what is under the pin is looked up again. */
  show(told: Told): void {
    this.#told = told;
    const pinned = this.#pinned;
    this.#pinned = pinned && this.#at(toScreen(this.#choices.now.view, this.#stage.size, pinned.x, pinned.y));
    this.#hovered = null;
    this.#showCard();
    this.#point();
  }

  /** The map has moved under the pointer. */
  moved(): void {
    this.#point();
    this.#placeCard();
  }

  hover(at: Point | null): void {
    this.#pointer = at;
    this.#point();
  }

  pin(at: Point): void {
    this.#pinned = this.#at(at);
    if (this.#pinned === null) this.#card.hide();
    this.#showCard();
    this.#stage.remark();
  }

  /** Whether there was anything to dismiss. */
  dismiss(): boolean {
    const pinned = this.#pinned !== null;
    this.#pinned = null;
    this.#card.hide();
    this.#stage.remark();
    return pinned;
  }

  /** Looks under the pointer, once per frame however fast the mouse is. */
  #point(): void {
    if (this.#pointing) return;
    this.#pointing = true;
    requestAnimationFrame(() => {
      this.#pointing = false;
      this.#hovered = this.#pointer && this.#at(this.#pointer);
      this.#readout();
      this.#showCard();
      this.#stage.remark();
    });
  }

  #at([px, py]: Point): Spot | null {
    return pick(this.#told?.shown ?? [], this.#choices.now.view, this.#stage.size, px, py);
  }

  #readout(): void {
    const at = this.#pointer;
    const here = at && unproject(...toWorld(this.#choices.now.view, this.#stage.size, ...at));
    const country = at && this.#stage.countryAt(...at);
    part("readout").textContent = here ? `${format.place(...here)}${country ? ` · ${country}` : ""}` : "";
  }

  #showCard(): void {
    const spot = this.#pinned ?? this.#hovered;
    if (spot === null || this.#told === null) return this.#card.hide();
    this.#card.show(spot, this.#told, this.#pinned !== null);
    this.#placeCard();
  }

  #placeCard(): void {
    const spot = this.#pinned ?? this.#hovered;
    if (spot === null) return;
    const { width, height } = this.#stage.size;
    this.#card.place(...toScreen(this.#choices.now.view, this.#stage.size, spot.x, spot.y), width, height);
  }
}
