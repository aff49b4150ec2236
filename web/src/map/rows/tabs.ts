/** The tabs of the side panel. */

import { part } from "../../dom.ts";

export class Tabs {
  readonly #tabs: readonly HTMLElement[];
  readonly #opened: (name: string) => void;

  /** `opened` is told the id of the panel that came to the front. */
  constructor(opened: (name: string) => void) {
    this.#opened = opened;
    this.#tabs = [...part("tabs").querySelectorAll<HTMLElement>("[role=tab]")];
    for (const tab of this.#tabs) {
      tab.addEventListener("click", () => this.open(panelOf(tab)));
      tab.addEventListener("keydown", (event) => this.#key(event, tab));
    }
  }

  open(name: string): void {
    for (const tab of this.#tabs) {
      const here = panelOf(tab) === name;
      tab.setAttribute("aria-selected", String(here));
      tab.tabIndex = here ? 0 : -1;
      part(panelOf(tab)).hidden = !here;
    }
    this.#opened(name);
  }

  #key(event: KeyboardEvent, from: HTMLElement): void {
    const seen = this.#tabs.filter((tab) => !tab.hidden);
    const at = seen.indexOf(from);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = seen.at(to % seen.length)!;
    next.focus();
    this.open(panelOf(next));
  }
}

const panelOf = (tab: HTMLElement): string => tab.getAttribute("aria-controls") ?? "";
