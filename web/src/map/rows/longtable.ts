/** A table of any length with as many rows in the document as fit on the screen. */

import { el } from "../../dom.ts";
import { plain } from "../../text.ts";
import type { Order } from "./rows.ts";

export interface Cell {
  readonly text: string;
  readonly kind?: string;
}

export interface GridRow {
  readonly cells: readonly Cell[];
  readonly colour: string;
  readonly nowhere: boolean;
}

/** What the grid shows; rows are asked for when they come into sight. */
export interface Content {
  readonly columns: readonly string[];
  /** The least width of a column, in CSS pixels. */
  readonly width: (column: string) => number;
  readonly length: number;
  readonly order: Order;
  readonly row: (index: number) => GridRow;
}

export interface Does {
  sort(column: string): void;
  choose(index: number): void;
  moved(index: number): void;
}

const HIGH = 26; // CSS pixels of a row, as the style sheet has it
const TALLEST = 12_000_000; // CSS pixels: browsers make nothing taller than about 17 million
const SPARE = 4; // rows ready above and below
const LONGEST = 240; // characters of a cell; the card shows all

const EMPTY: Content = {
  columns: [], width: () => 0, length: 0, order: { column: "", down: false }, row: () => ({ cells: [], colour: "", nowhere: false }),
};

export class Grid {
  readonly element = el("div", {
    class: "grid", role: "grid", tabindex: 0, "aria-label": "Selected rows. Arrow keys move, Enter shows the row on the map.",
  });
  readonly #head = el("div", { class: "line head", role: "row", "aria-rowindex": 1 });
  readonly #space = el("div", { class: "space", role: "presentation" });
  readonly #body = el("div", { class: "lines", role: "rowgroup" });
  readonly #does: Does;
  #content = EMPTY;
  #heads = "";
  #active = 0;
  #waiting = false;

  constructor(does: Does) {
    this.#does = does;
    this.#space.append(this.#body);
    this.element.append(el("div", { role: "rowgroup", class: "heads" }, this.#head), this.#space);
    this.element.addEventListener("scroll", () => this.#soon());
    this.element.addEventListener("keydown", (event) => this.#key(event));
    this.#body.addEventListener("click", (event) => this.#click(event));
    new ResizeObserver(() => this.#soon()).observe(this.element);
  }

  get active(): number {
    return this.#active;
  }

  show(content: Content, active: number): void {
    this.#content = content;
    this.#active = Math.max(0, Math.min(active, content.length - 1));
    this.element.setAttribute("aria-rowcount", String(content.length + 1));
    this.element.setAttribute("aria-colcount", String(content.columns.length));
    this.#space.style.height = `${Math.min(content.length * HIGH, TALLEST)}px`;
    this.#showHeads();
    this.#draw();
  }

  /** Moves the focus within the table, and what is seen along with it. */
  activate(index: number): void {
    this.#active = Math.max(0, Math.min(index, this.#content.length - 1));
    this.#intoSight();
    this.#draw();
    this.#does.moved(this.#active);
  }

  // Where rows are. A list that would be too tall is squeezed: a pixel of scrolling is then more than a pixel of it.

  get #seen(): number {
    return Math.max(1, Math.floor((this.element.clientHeight - HIGH) / HIGH));
  }

  get #squeezed(): boolean {
    return this.#content.length * HIGH > TALLEST;
  }

  get #first(): number {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    if (!this.#squeezed) return Math.floor(scrollTop / HIGH);
    const share = scrollTop / Math.max(1, scrollHeight - clientHeight);
    return Math.round(share * (this.#content.length - this.#seen));
  }

  #intoSight(): void {
    const [first, seen] = [this.#first, this.#seen];
    if (this.#active >= first && this.#active < first + seen && !(this.#active === first && !this.#squeezed)) return;
    const wanted = this.#active < first + 1 ? this.#active : this.#active - seen + 1;
    const { scrollHeight, clientHeight } = this.element;
    this.element.scrollTop = this.#squeezed
      ? (wanted / Math.max(1, this.#content.length - seen)) * (scrollHeight - clientHeight)
      : wanted * HIGH;
  }

  #soon(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    requestAnimationFrame(() => {
      this.#waiting = false;
      this.#draw();
    });
  }

  #draw(): void {
    const spare = this.#squeezed ? 0 : SPARE;
    const from = Math.max(0, this.#first - spare);
    const to = Math.min(this.#content.length, from + this.#seen + 2 + 2 * spare);
    const top = this.#squeezed ? this.element.scrollTop : from * HIGH;
    this.#body.style.transform = `translateY(${Math.min(top, Math.max(0, this.#space.clientHeight - (to - from) * HIGH))}px)`;
    this.#body.replaceChildren(...Array.from({ length: to - from }, (_, i) => this.#line(from + i)));
    if (this.#content.length > 0) this.element.setAttribute("aria-activedescendant", idOf(this.#active));
    else this.element.removeAttribute("aria-activedescendant");
  }

  #line(index: number): HTMLElement {
    const { cells, colour, nowhere } = this.#content.row(index);
    const active = index === this.#active;
    const line = el("div", { class: `line${active ? " active" : ""}${nowhere ? " nowhere" : ""}`, role: "row", id: idOf(index),
      "aria-rowindex": index + 2, "aria-selected": String(active) });
    line.append(...cells.map(({ text, kind }, i) => {
      const shown = plain(text.slice(0, LONGEST));
      const cell = el("div", { role: "gridcell", class: kind ?? "", title: shown.length > 14 ? shown : "" }, el("bdi", {}, shown));
      if (i > 0) return cell;
      const dot = el("i", { class: "dot" });
      dot.style[nowhere ? "borderColor" : "background"] = colour;
      cell.prepend(dot);
      return cell;
    }));
    return line;
  }

  #showHeads(): void {
    const { columns, order, width } = this.#content;
    const key = JSON.stringify([columns, order]);
    if (key === this.#heads) return;
    this.#heads = key;
    const held = this.#head.contains(document.activeElement) ? document.activeElement?.textContent : null;
    this.element.style.setProperty("--tracks", columns.map((column) => `minmax(${width(column)}px, ${width(column)}fr)`).join(" "));
    this.element.style.setProperty("--wide", `${columns.reduce((sum, column) => sum + width(column), 0)}px`);
    this.#head.replaceChildren(...columns.map((column) => this.#headOf(column, order)));
    for (const button of this.#head.querySelectorAll("button")) if (button.textContent === held) button.focus();
  }

  #headOf(column: string, order: Order): HTMLElement {
    const here = column === order.column;
    const sort = here ? (order.down ? "descending" : "ascending") : "none";
    const button = el("button", { type: "button", class: "plain", title: `Sort by ${plain(column)}` }, el("bdi", {}, plain(column)));
    button.addEventListener("click", () => this.#does.sort(column));
    return el("div", { role: "columnheader", "aria-sort": sort, class: here ? (order.down ? "down" : "up") : "" }, button);
  }

  #click(event: MouseEvent): void {
    const line = (event.target as HTMLElement).closest<HTMLElement>(".line");
    if (line === null || String(getSelection() ?? "") !== "") return; // somebody marks text to copy it
    this.activate(Number(line.getAttribute("aria-rowindex")) - 2);
    this.#does.choose(this.#active);
  }

  #key(event: KeyboardEvent): void {
    if (event.target !== this.element || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, this.#seen - 1);
    const to = {
      ArrowDown: this.#active + 1, ArrowUp: this.#active - 1, PageDown: this.#active + page, PageUp: this.#active - page,
      Home: 0, End: this.#content.length - 1,
    }[event.key];
    if (to === undefined && event.key !== "Enter") return;
    event.preventDefault();
    if (this.#content.length === 0) return;
    if (to !== undefined) this.activate(to);
    else this.#does.choose(this.#active);
  }
}

const idOf = (index: number): string => `row-${index}`;
