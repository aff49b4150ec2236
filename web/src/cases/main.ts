/** The page of the cases: what was detonated, what came of it, and what a person decides. */

import { named } from "../address.ts";
import type { Answer } from "../confirm.ts";
import { part } from "../dom.ts";
import { isCalledOff, sentence } from "../server.ts";
import { ThemeSwitch } from "../theme.ts";
import { Watch } from "../watch.ts";
import { decide, fetchCase, fetchCases, type Case } from "./api.ts";
import { Board } from "./board.ts";
import { decidable, Pending, type Question } from "./decisions.ts";
import { isOpen } from "./figures.ts";
import { View } from "./view.ts";
import { DECISIONS } from "./words.ts";

const EVERY = 10_000;
const SOON = 2_000; // while something is under way that somebody waits for

const narrow = matchMedia("(max-width: 900px)"); // as in cases.css: there the case takes the list's place

class Page {
  readonly #pending = new Pending();
  readonly #board = new Board((id, focus) => this.#go(id, focus), () => void this.#watch.now());
  readonly #view = new View(this.#pending, (question, answer) => this.#decide(question, answer));
  readonly #watch = new Watch((signal) => this.#ask(signal), () => (this.#busy() ? SOON : EVERY));
  #selected: string | null = null;
  #case: Case | null = null;
  #scrolled = 0; // how far the list was, before a case took its place

  start(): void {
    new ThemeSwitch(part<HTMLSelectElement>("theme"), () => {});
    window.addEventListener("hashchange", () => this.#open());
    part("back").addEventListener("click", () => this.#leave());
    document.addEventListener("keydown", (event) => this.#key(event));
    this.#open();
  }

  async #ask(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#askList(signal), this.#askCase(signal)]);
  }

  async #askList(signal: AbortSignal): Promise<void> {
    try {
      this.#board.show(await fetchCases(signal));
    } catch (error) {
      if (isCalledOff(error)) return;
      this.#board.complain(sentence(error));
    }
    this.#board.tell(this.#selected !== null);
  }

  async #askCase(signal: AbortSignal): Promise<void> {
    const id = this.#selected;
    if (id === null) return;
    try {
      const found = await fetchCase(id, signal);
      if (id !== this.#selected) return;
      this.#case = found;
      this.#pending.seen(this.#case);
      this.#view.show(this.#case);
      this.#complain("");
    } catch (error) {
      if (isCalledOff(error)) return;
      this.#complain(`${this.#case === null ? "This case cannot be shown" : "What is shown may be old"}: ${sentence(error)}.`);
    }
  }

  #busy(): boolean {
    if (this.#case === null) return false;
    const goesOn = this.#case.responses.some(({ turn }) => turn === "waiting" || turn === "running" || turn === "stopping");
    return goesOn || isOpen(this.#case.stage) || this.#pending.of(this.#case.id).size > 0;
  }

  /** Decides one by one, by their keys: "all" would be whatever the server asks by then. */
  async #decide({ what, choices }: Question, { by }: Answer): Promise<string | null> {
    const one = this.#case;
    if (one === null) return "the case is gone";
    const left = choices.filter(({ key }) => decidable(one, what).has(key) && !this.#pending.of(one.id).has(key));
    for (const [done, { key }] of left.entries()) {
      const trouble = await decide(one.id, what, by, key).then(() => null, sentence);
      if (trouble !== null) {
        void this.#watch.now();
        return `${done === 0 ? "" : `${done} of ${left.length} ${DECISIONS[what].done}, but then: `}${trouble}.`;
      }
      this.#pending.add(one.id, key, what);
    }
    part("live").textContent = `${left.map(({ name }) => name).join("; ")}: ${DECISIONS[what].done}.`;
    void this.#watch.now();
    return null;
  }

  #go(id: string, focus: boolean): void {
    if (id !== this.#selected) history.pushState(null, "", `#${encodeURIComponent(id)}`);
    this.#open();
    if (focus || narrow.matches) part("case").focus({ preventScroll: true });
  }

  /** Opens the case that the address names. */
  #open(): void {
    const id = named(location.hash);
    if (this.#selected === null && id !== null) this.#scrolled = window.scrollY;
    const another = id !== this.#selected;
    [this.#selected, this.#case] = [id, another ? null : this.#case];
    if (another) this.#complain("");
    if (another && id !== null) this.#view.begin(this.#board.of(id), id);
    document.body.classList.toggle("opened", id !== null);
    part("case").hidden = id === null;
    part("none").hidden = id !== null;
    this.#board.tell(id !== null);
    this.#board.list.select(id);
    if (another && narrow.matches) window.scrollTo(0, id === null ? this.#scrolled : 0);
    void this.#watch.now();
  }

  #leave(): void {
    const id = this.#selected;
    history.pushState(null, "", location.pathname);
    this.#open();
    this.#board.list.focus(id);
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const typing = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
    if (event.key === "/" && !typing && !(narrow.matches && this.#selected !== null)) {
      event.preventDefault();
      this.#board.search.focus();
    } else if (event.key === "Escape" && part("case").contains(document.activeElement)) {
      if (narrow.matches) this.#leave();
      else this.#board.list.focus(this.#selected);
    }
  }

  #complain(text: string): void {
    if (part("trouble").textContent !== text) part("trouble").textContent = text;
  }
}

new Page().start();
