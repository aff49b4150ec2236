/** What is under the pointer, and what is pinned: rings on the map, the card, the readout. */

import { part } from "../../dom.ts";
import * as format from "../../format.ts";
import { Card } from "./card.ts";
import type { Choices } from "../choice.ts";
import { extentOf } from "../draw/clusters.ts";
import type { Columns } from "../data/columns.ts";
import { nationsFor } from "../draw/found.ts";
import { SAME_SPOT, type Spot } from "../draw/pick.ts";
import { unproject } from "../draw/projection.ts";
import type { Mark, Stage } from "../draw/stage.ts";
import type { Listener, Told } from "../told.ts";
import { nationSaid, Under } from "../draw/under.ts";
import { bounded, DEEPEST, fitting, scaleOf, toScreen, toWorld } from "../draw/view.ts";

type Point = readonly [px: number, py: number];

const EDGE = 24; // CSS pixels from the edge of the map that are not in sight enough

const sameRows = (before: Told["shown"], now: Told["shown"]): boolean =>
  before.length === now.length && now.every(({ columns, slice }, i) =>
    before[i].columns === columns && before[i].slice.join() === slice.join());

export class Spots implements Listener {
  readonly #choices: Choices;
  readonly #stage: Stage;
  readonly #under: Under;
  readonly #card: Card;
  #told: Told | null = null;
  #hovered: Spot | null = null;
  #pinned: Spot | null = null;
  #pointer: Point | null = null;
  #pointing = false;

  constructor(choices: Choices, stage: Stage) {
    this.#choices = choices;
    this.#stage = stage;
    this.#under = new Under(stage);
    this.#card = new Card(part("card"), choices, () => this.dismiss());
  }

  get marks(): readonly Mark[] {
    const [hovered, pinned] = [this.#hovered, this.#pinned];
    return [...(hovered ? [{ ...hovered, firm: false }] : []), ...(pinned ? [{ ...pinned, firm: true }] : [])];
  }

  /** Row numbers belong to the rows before: if these are others, what is under the pin is looked up again. */
  show(told: Told): void {
    const same = this.#told !== null && sameRows(this.#told.shown, told.shown);
    this.#told = told;
    const pinned = this.#pinned;
    if (!same) this.#pinned = pinned && this.#at(toScreen(this.#choices.now.view, this.#stage.size, pinned.x, pinned.y));
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

  /** Lists the rows of a spot; of a cluster whose rows lie apart it shows where instead. */
  pin(at: Point): void {
    const spot = this.#at(at);
    if (spot !== null && this.#goInto(spot)) return;
    this.#pinned = spot;
    if (this.#pinned === null) this.#card.hide();
    this.#showCard();
    this.#stage.remark();
  }

  /** Whether nothing is pinned, or something of a layer of this kind. */
  pinsNoneBut(kind: string): boolean {
    return this.#pinned === null || this.#pinned.hits.some(({ layer }) => this.#told?.shown[layer].layer.dataset.kind === kind);
  }

  /** Pins one row, brings its place into sight, and shows it before the others there. */
  reveal(columns: Columns, row: number): void {
    const layer = this.#told?.shown.findIndex((each) => each.columns === columns) ?? -1;
    if (layer < 0) return;
    const wanted = { layer, row };
    const [x, y] = [columns.x[row], columns.y[row]];
    this.#intoSight(x, y);
    const others = Number.isNaN(x) ? null : this.#at(toScreen(this.#choices.now.view, this.#stage.size, x, y));
    const hits = others?.hits.filter((hit) => hit.layer !== layer || hit.row !== row) ?? [];
    this.#pinned = { x, y, hits: [wanted, ...hits] };
    this.#showCard();
    this.#stage.remark();
  }

  #intoSight(x: number, y: number): void {
    const { now: { view } } = this.#choices;
    const { width, height } = this.#stage.size;
    const [px, py] = toScreen(view, this.#stage.size, x, y);
    const outside = px < EDGE || py < EDGE || px > width - EDGE || py > height - EDGE;
    if (outside) this.#choices.change({ view: bounded({ ...view, x, y }, this.#stage.size) });
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
    // The view of this very moment, the rows of the last word about them.
    return this.#told && this.#under.at(this.#told, this.#choices.now.view, px, py);
  }

  #goInto(spot: Spot): boolean {
    const { drawing, view } = this.#choices.now;
    if (drawing !== "clusters" || this.#told === null || view.zoom >= DEEPEST) return false;
    const [box, { size }] = [extentOf(spot.hits, this.#told.shown), this.#stage];
    const apart = Math.max(box.right - box.left, box.bottom - box.top) * scaleOf({ ...view, zoom: DEEPEST }, size);
    if (apart <= SAME_SPOT) return false;
    this.hover(null);
    this.#choices.change({ view: fitting(box, size, view) });
    return true;
  }

  #readout(): void {
    const at = this.#pointer;
    const here = at && unproject(...toWorld(this.#choices.now.view, this.#stage.size, ...at));
    const country = at && this.#stage.countryAt(...at);
    const said = here && [format.place(...here), ...(country ? [country.name, ...this.#figures(country.code)] : [])];
    part("readout").textContent = said ? said.join(" · ") : "";
  }

  /** What is known of a country, where countries are what is drawn. */
  #figures(code: string | null): string[] {
    if (this.#told?.choice.drawing !== "countries" || code === null) return [];
    const nation = nationsFor(this.#told).by.get(code);
    return [nation ? nationSaid(this.#told, nation) : "no rows"];
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
