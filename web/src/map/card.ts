/** What is at one spot: every row of it, every field of a row, always as text. */

import { el } from "../dom.ts";
import * as format from "../format.ts";
import type { Columns } from "./columns.ts";
import { countryName } from "./countries.ts";
import type { Hit, Spot } from "./pick.ts";
import type { Told } from "./told.ts";
import { rowAt } from "./tsv.ts";

const GLANCE = 5; // rows listed while hovering
const PAGE = 50; // rows per page once pinned
const GAP = 18; // CSS pixels between the spot and its card

export class Card {
  readonly #element: HTMLElement;
  readonly #closed: () => void;
  #shown = "";

  constructor(element: HTMLElement, closed: () => void) {
    this.#element = element;
    this.#closed = closed;
  }

  hide(): void {
    this.#element.hidden = true;
    this.#shown = "";
  }

  /** Shows a spot; building it again is spared while the same rows stay under the pointer. */
  show(spot: Spot, told: Told, pinned: boolean): void {
    const [first] = spot.hits;
    const key = [pinned, first.layer, first.row, spot.hits.length, told.shown.map(({ layer }) => layer.version)].join();
    if (key === this.#shown) return;
    this.#shown = key;
    const list = el("div", { class: "rows" });
    this.#element.replaceChildren(this.#head(spot, told, pinned), list);
    this.#element.classList.toggle("pinned", pinned);
    this.#element.hidden = false;
    if (pinned) this.#page(list, spot, told, 0);
    else this.#glance(list, spot, told);
  }

  /** Beside the spot, on the side that has room; narrow screens dock the card by style sheet. */
  place(px: number, py: number, width: number, height: number): void {
    const { offsetWidth, offsetHeight, style } = this.#element;
    const left = px + GAP + offsetWidth < width ? px + GAP : px - GAP - offsetWidth;
    style.left = `${Math.max(8, Math.min(left, width - offsetWidth - 8))}px`;
    style.top = `${Math.max(8, Math.min(py - 40, height - offsetHeight - 8))}px`;
  }

  #head(spot: Spot, told: Told, pinned: boolean): HTMLElement {
    const [first] = spot.hits;
    const { columns } = told.shown[first.layer];
    const country = fieldsOf(columns, first.row).get("Country") ?? null;
    const title = country ? countryName(country) : "This spot";
    const head = el("header", {}, el("strong", {}, title), el("span", {}, format.rows(spot.hits.length)));
    if (columns.coarse[first.row]) {
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
    list.append(...few.map((hit, i) => rowOf(hit, told, i === 0)));
    const more = spot.hits.length - few.length;
    const hint = more > 0 ? `and ${format.count(more)} more: click to list them all` : "Click to keep this open";
    this.#element.append(el("p", { class: "hint" }, hint));
  }

  #page(list: HTMLElement, spot: Spot, told: Told, from: number): void {
    const page = spot.hits.slice(from, from + PAGE);
    list.append(...page.map((hit, i) => rowOf(hit, told, from + i === 0)));
    const left = spot.hits.length - from - page.length;
    if (left <= 0) return;
    const more = el("button", { type: "button", class: "more" }, `${format.count(left)} more`);
    more.addEventListener("click", () => {
      more.remove();
      this.#page(list, spot, told, from + PAGE);
    });
    list.append(more);
  }
}

/** The cells of a row by column name, declared columns first. */
export function fieldsOf(columns: Columns, row: number): Map<string, string | null> {
  const cells = rowAt(columns.bytes, columns.start[row]);
  return new Map(columns.names.map((name, i) => [name, cells[i]]));
}

function rowOf(hit: Hit, told: Told, open: boolean): HTMLElement {
  const { layer, columns } = told.shown[hit.layer];
  const { label, title, time } = layer.dataset;
  const fields = fieldsOf(columns, hit.row);
  const dot = el("i", { class: "dot", title });
  dot.style.background = told.colourOf(layer);
  const name = el("bdi", { class: "name" }, fields.get(label) || title);
  const moment = columns.time[hit.row];
  const when = el("time", {}, Number.isFinite(moment) ? `${format.minute(moment)} UTC` : "no time");
  const row = el("details", { open }, el("summary", {}, dot, name, when));
  // Thousands of closed rows need no fields until somebody opens one.
  const fill = (): void => {
    if (row.open && row.childElementCount === 1) row.append(fieldList(fields, title, time));
  };
  row.addEventListener("toggle", fill);
  fill();
  return row;
}

function fieldList(fields: Map<string, string | null>, title: string, time: string): HTMLElement {
  const list = el("dl", {}, el("dt", {}, "Layer"), el("dd", {}, title));
  for (const [name, value] of fields) {
    const text = value === null ? "no value" : value === "" ? "empty" : value;
    const absent = value === null || value === "";
    list.append(
      el("dt", {}, name === time ? `${name} (UTC)` : name),
      el("dd", { dir: "auto", class: absent ? "absent" : "" }, text),
    );
  }
  return list;
}
