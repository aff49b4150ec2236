/** The list of cases: one line each, opened by a click or by the keyboard. */

import { el } from "../dom.ts";
import * as format from "../format.ts";
import { Part } from "../part.ts";
import { badge, isolated } from "../pieces.ts";
import { plain } from "../text.ts";
import type { Summary } from "./api.ts";
import { worst } from "./figures.ts";
import { stage, verdict } from "./words.ts";

interface Line {
  readonly item: HTMLLIElement;
  readonly button: HTMLButtonElement;
  readonly content: Part;
}

/** `focus` says whether the case is to have the keyboard's focus, because it came from there. */
export type Open = (id: string, focus: boolean) => void;

export class List {
  readonly #list: HTMLElement;
  readonly #open: Open;
  readonly #lines = new Map<string, Line>();
  #selected: string | null = null;
  #current: string | null = null;

  constructor(list: HTMLElement, open: Open) {
    this.#list = list;
    this.#open = open;
    list.addEventListener("keydown", (event) => this.#move(event));
  }

  /** Lines stay the same elements and only move where their order changes. */
  show(cases: readonly Summary[], now: number): void {
    const shown = new Set(cases.map(({ id }) => id));
    for (const [id, { item }] of this.#lines) {
      if (shown.has(id)) continue;
      item.remove();
      this.#lines.delete(id);
    }
    const focused = document.activeElement;
    const known = this.#lines.has(this.#selected ?? "");
    cases.forEach((one, at) => this.#place(this.#line(one, now), at));
    // A case that the address names is to be seen in the list, once that is there.
    if (!known) this.#lines.get(this.#selected ?? "")?.item.scrollIntoView({ block: "nearest" });
    if (focused instanceof HTMLElement && this.#list.contains(focused)) focused.focus({ preventScroll: true });
    this.#mark();
  }

  select(id: string | null): void {
    this.#selected = id;
    if (id !== null) this.#current = id;
    this.#mark();
    this.#lines.get(id ?? "")?.item.scrollIntoView({ block: "nearest" });
  }

  /** Gives the keyboard back to the line of a case, or to the first one. */
  focus(id: string | null): void {
    const line = this.#lines.get(id ?? "")?.button ?? this.#list.querySelector("button");
    line?.focus();
  }

  #line(one: Summary, now: number): HTMLLIElement {
    const line = this.#lines.get(one.id) ?? this.#added(one.id);
    const age = format.ago(now - Date.parse(one.opened));
    line.content.show([one, age], () => content(one, age));
    return line.item;
  }

  #added(id: string): Line {
    const button = el("button", { type: "button", class: "line", "data-case": id });
    button.addEventListener("click", (event) => this.#open(id, event.detail === 0));
    button.addEventListener("focus", () => {
      this.#current = id;
      this.#mark();
    });
    const line = { item: el("li", {}, button), button, content: new Part(button) };
    this.#lines.set(id, line);
    return line;
  }

  #place(item: HTMLLIElement, at: number): void {
    const there = this.#list.children[at] ?? null;
    if (there !== item) this.#list.insertBefore(item, there);
  }

  /** One line is in the order of the Tab key, and the arrows lead to the others. */
  #mark(): void {
    const first = this.#list.querySelector("button")?.dataset["case"];
    const current = this.#current !== null && this.#lines.has(this.#current) ? this.#current : first;
    for (const [id, { button }] of this.#lines) {
      button.tabIndex = id === current ? 0 : -1;
      if (id === this.#selected) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
  }

  #move(event: KeyboardEvent): void {
    const buttons = [...this.#list.querySelectorAll("button")];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (to === undefined || at === -1 || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    buttons[Math.min(buttons.length - 1, Math.max(0, to))].focus();
  }
}

function content(one: Summary, age: string): HTMLElement[] {
  const found = worst(one.verdicts);
  const badges = [
    ...(found === null ? [] : [badge(verdict(found))]), ...(one.stage === "done" ? [] : [badge(stage(one.stage))]),
    ...(one.asked.length === 0 ? [] : [el("span", { class: "badge asks" }, `${one.asked.length} to approve`)]),
  ];
  const about = [one.device, one.severity].filter((text) => text !== null && text !== "").map((text) => plain(text ?? "")).join(" · ");
  return [
    el("span", { class: "top" }, isolated(plain(one.title ?? one.id), "title"), el("time", { datetime: one.opened, title: `${format.minute(Date.parse(one.opened))} UTC` }, age)),
    el("span", { class: "under" }, isolated(about, "small"), el("span", { class: "badges" }, ...badges)),
    ...(one.reason === null ? [] : [isolated(plain(one.reason), "small why")]),
  ];
}
