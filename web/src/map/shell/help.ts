/** The list of all keys, in a dialog. */

import { el, part } from "../../dom.ts";
import { KEYS, keyName, type Key } from "./keys.ts";

const line = ({ keys, does }: Key): HTMLElement[] => [
  el("dt", {}, ...keys.map((key) => el("kbd", {}, keyName(key)))), el("dd", {}, does),
];

export class Help {
  readonly #dialog = el("dialog", { class: "help", "aria-labelledby": "help-title" });

  constructor() {
    const close = el("button", { type: "button" }, "Close");
    close.addEventListener("click", () => this.#dialog.close());
    const groups = Object.entries(KEYS).map(([where, keys]) => el("section", {}, el("h3", {}, where), el("dl", {}, ...keys.flatMap(line))));
    this.#dialog.append(el("h2", { id: "help-title" }, "Keys"), ...groups, close);
    // A click beside a dialog meets the dialog itself.
    this.#dialog.addEventListener("click", (event) => event.target === this.#dialog && this.#dialog.close());
    this.#dialog.addEventListener("keydown", (event) => event.stopPropagation()); // Escape has done its work
    document.body.append(this.#dialog);
    part("help").addEventListener("click", () => this.toggle());
  }

  toggle(): void {
    if (this.#dialog.open) this.#dialog.close();
    else this.#dialog.showModal();
  }
}
