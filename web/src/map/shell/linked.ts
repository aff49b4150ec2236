/** Keeps the address of the page and the choice in step. */

import { part } from "../../dom.ts";
import type { Choice, Choices } from "../choice.ts";
import { choiceIn, fragment } from "./link.ts";

const PAUSE = 300; // browsers refuse an address that changes with every frame
const TOLD = 2_000;

export class Linked {
  readonly #choices: Choices;
  readonly #button = part<HTMLButtonElement>("copy");
  readonly #restore: (choice: Choice) => void;
  #timer = 0;

  /** `restore` is given what the address says, now and whenever somebody changes it. */
  constructor(choices: Choices, restore: (choice: Choice) => void) {
    this.#choices = choices;
    this.#restore = restore;
    this.#button.addEventListener("click", () => void this.#copy());
    skips();
  }

  start(): void {
    this.#restore(choiceIn(location.hash));
    window.addEventListener("hashchange", () => this.#restore(choiceIn(location.hash)));
    window.addEventListener("pagehide", () => this.#write());
    // On a wall, layers take turns: that is no choice of anybody's.
    this.#choices.hear((now, before) => now.wallboard && before.wallboard || this.#later());
  }

  #later(): void {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#write(), PAUSE);
  }

  #write(): void {
    clearTimeout(this.#timer);
    if (this.#choices.now.wallboard && choiceIn(location.hash).wallboard) return;
    const text = fragment(this.#choices.now);
    if (text === location.hash.slice(1)) return;
    history.replaceState(history.state, "", text === "" ? location.pathname + location.search : `#${text}`);
  }

  async #copy(): Promise<void> {
    this.#write();
    const said = await navigator.clipboard?.writeText(location.href).then(() => "Copied", () => null);
    const text = said ?? "Copy the address";
    this.#button.textContent = text; // plain HTTP and some policies have no clipboard
    part("live").textContent = text;
    window.setTimeout(() => (this.#button.textContent = "Copy link"), TOLD);
  }
}

/** Links past something lead there without a word in the address, which says what is chosen. */
function skips(): void {
  for (const link of document.querySelectorAll<HTMLAnchorElement>("a.skip")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      part(link.hash.slice(1)).focus();
    });
  }
}
