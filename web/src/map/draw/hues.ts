/** Which palette the layers have, as this browser's analyst likes it. */

import { el } from "../../dom.ts";
import { remember, remembered } from "../../remember.ts";
import { HUES, type Hues } from "./palette.ts";

export class HueSwitch {
  readonly #select: HTMLSelectElement;

  constructor(select: HTMLSelectElement, changed: () => void) {
    this.#select = select;
    select.append(...Object.entries(HUES).map(([value, name]) => el("option", { value }, name)));
    const kept = remembered("hues");
    select.value = Object.hasOwn(HUES, kept) ? kept : "okabe-ito";
    select.addEventListener("change", () => {
      remember("hues", select.value);
      changed();
    });
  }

  get current(): Hues {
    return this.#select.value as Hues;
  }
}
