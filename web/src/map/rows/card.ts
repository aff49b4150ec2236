/** What is at one spot: every row of it, every field of a row, always as text. */

import { el } from "../../dom.ts";
import * as format from "../../format.ts";
import { fieldsOf } from "../data/cells.ts";
import type { Choices } from "../choice.ts";
import { nameOf } from "../data/codes.ts";
import { fieldList, provenance } from "./detail.ts";
import { byLabel, type Group } from "./grouping.ts";
import type { Hit, Spot } from "../draw/pick.ts";
import type { Told } from "../told.ts";

const GLANCE = 5; // rows listed while hovering
const PAGE = 50; // rows per page once pinned
const GAP = 18; // CSS pixels between the spot and its card
const CROWD = 8; // rows of one spot from which grouping them helps

export class Card {
  readonly #element: HTMLElement;
  readonly #choices: Choices;
  readonly #closed: () => void;
  #shown = "";
  #oldest = false;
  #grouped = false;

  constructor(element: HTMLElement, choices: Choices, closed: () => void) {
    [this.#element, this.#choices, this.#closed] = [element, choices, closed];
  }

  hide(): void {
    this.#element.hidden = true;
    this.#shown = "";
  }

  /** Shows a spot; building it again is spared while the same rows stay under the pointer. */
  show(spot: Spot, told: Told, pinned: boolean): void {
    const [first] = spot.hits;
    const versions = told.shown.map(({ layer }) => layer.version);
    const key = [pinned, spot.title, spot.note, first.layer, first.row, spot.hits.length, versions].join();
    if (key === this.#shown) return;
    this.#shown = key;
    const list = el("div", { class: "rows" });
    this.#element.replaceChildren(this.#head(spot, told, pinned), list);
    this.#element.classList.toggle("pinned", pinned);
    this.#element.hidden = false;
    if (!pinned) return this.#glance(list, spot, told);
    if (spot.hits.length > 1) list.before(this.#orders(list, spot, told));
    this.#fill(list, spot, told);
  }

  /** Beside the spot, on the side that has room; narrow screens dock the card by style sheet. */
  place(px: number, py: number, width: number, height: number): void {
    const { offsetWidth, offsetHeight, style } = this.#element;
    if (Number.isNaN(px)) [px, py] = [GAP, GAP]; // a row without a place
    const left = px + GAP + offsetWidth < width ? px + GAP : px - GAP - offsetWidth;
    style.left = `${Math.max(8, Math.min(left, width - offsetWidth - 8))}px`;
    style.top = `${Math.max(8, Math.min(py - 40, height - offsetHeight - 8))}px`;
  }

  #head(spot: Spot, told: Told, pinned: boolean): HTMLElement {
    const [first] = spot.hits;
    const { columns } = told.shown[first.layer];
    const country = fieldsOf(columns, first.row).get("Country") ?? null;
    const nowhere = Number.isNaN(spot.x) ? "A row without a place" : "This spot";
    const title = spot.title ?? (country ? nameOf(country) : nowhere);
    const head = el("header", {}, el("strong", {}, title), el("span", {}, format.rows(spot.hits.length)));
    if (spot.note !== undefined) head.append(el("em", { class: "note" }, spot.note));
    else if (columns.coarse[first.row]) {
      head.append(el("em", {}, "Only the country is known: drawn in its middle."));
    }
    if (!pinned) return head;
    const close = el("button", { type: "button", class: "plain", "aria-label": "Close", title: "Close (Esc)" }, "×");
    close.addEventListener("click", this.#closed);
    head.append(close);
    return head;
  }

  #glance(list: HTMLElement, spot: Spot, told: Told): void {
    const few = spot.hits.slice(0, GLANCE);
    list.append(...few.map((hit, i) => rowOf(hit, told, i === 0 && spot.title === undefined, null)));
    const more = spot.hits.length - few.length;
    const hint = more > 0 ? `and ${format.count(more)} more: click to list them all` : "Click to keep this open";
    this.#element.append(el("p", { class: "hint" }, hint));
  }

  /** How the rows of a spot are listed. */
  #orders(list: HTMLElement, spot: Spot, told: Told): HTMLElement {
    const order = el("div", { class: "orders", role: "group", "aria-label": "Order of the rows" });
    const add = (text: string, on: boolean, change: () => void): void => {
      const button = el("button", { type: "button", "aria-pressed": String(on) }, text);
      button.addEventListener("click", () => {
        change();
        button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") === "false"));
        this.#fill(list, spot, told);
      });
      order.append(button);
    };
    add("Oldest first", this.#oldest, () => (this.#oldest = !this.#oldest));
    if (spot.hits.length >= CROWD) add("Grouped", this.#grouped, () => (this.#grouped = !this.#grouped));
    return order;
  }

  #fill(list: HTMLElement, spot: Spot, told: Told): void {
    list.replaceChildren();
    const hits = this.#oldest ? spot.hits.toReversed() : spot.hits;
    if (!this.#grouped || hits.length < CROWD) return this.#page(list, hits, told, 0);
    list.append(...byLabel(hits, told).map((group) => this.#group(group, told)));
  }

  /** Rows of one name, made when somebody unfolds them. */
  #group({ label, hits }: Group, told: Told): HTMLElement {
    const list = el("div", { class: "rows" });
    const group = el("details", { class: "group" },
      el("summary", {}, el("span", {}), el("bdi", { class: "name" }, label), el("span", {}, format.rows(hits.length))), list);
    group.addEventListener("toggle", () => {
      if (group.open && list.childElementCount === 0) this.#page(list, hits, told, 0);
    });
    return group;
  }

  #page(list: HTMLElement, hits: readonly Hit[], told: Told, from: number): void {
    const page = hits.slice(from, from + PAGE);
    list.append(...page.map((hit, i) => rowOf(hit, told, from + i === 0, this.#choices)));
    const left = hits.length - from - page.length;
    if (left <= 0) return;
    const more = el("button", { type: "button", class: "more" }, `${format.count(left)} more`);
    more.addEventListener("click", () => {
      more.remove();
      this.#page(list, hits, told, from + PAGE);
    });
    list.append(more);
  }
}

function rowOf(hit: Hit, told: Told, open: boolean, choices: Choices | null): HTMLElement {
  const { layer, columns } = told.shown[hit.layer];
  const { label, title, time } = layer.dataset;
  const values = fieldsOf(columns, hit.row);
  const dot = el("i", { class: "dot", title });
  dot.style.background = told.colourOf(layer);
  const name = el("bdi", { class: "name" }, values.get(label) || title);
  const moment = columns.time[hit.row];
  const when = el("time", {}, Number.isFinite(moment) ? `${format.minute(moment)} UTC` : "no time");
  const row = el("details", { open }, el("summary", {}, dot, name, when));
  // Thousands of closed rows need no fields until somebody opens one.
  const fill = (): void => {
    if (!row.open || row.childElementCount > 1) return;
    row.append(fieldList({ values, title, time }, choices), el("p", { class: "provenance" }, provenance(values)));
  };
  row.addEventListener("toggle", fill);
  fill();
  return row;
}
