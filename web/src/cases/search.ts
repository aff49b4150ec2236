/** What of the list is to be seen: the words, the stage, the verdict, and who comes first. */

import { el, part } from "../dom.ts";
import { remember, remembered } from "../remember.ts";
import type { Summary } from "./api.ts";
import { filtered, sorted } from "./figures.ts";
import { stageNames, verdictNames } from "./words.ts";

export class Search {
  readonly #text = part<HTMLInputElement>("text");
  readonly #stage = part<HTMLSelectElement>("stage");
  readonly #verdict = part<HTMLSelectElement>("verdict");
  readonly #first = part<HTMLInputElement>("waiting-first");

  constructor(changed: () => void) {
    this.#stage.append(...options([["", "Any stage"], ["open", "Open"], ["ended", "Ended"], ...stageNames]));
    this.#verdict.append(...options([["", "Any verdict"], ...verdictNames.map((name) => [name, name] as const), ["none", "no verdict"]]));
    this.#first.checked = remembered("waiting-first") === "yes";
    this.#first.addEventListener("change", () => remember("waiting-first", this.#first.checked ? "yes" : ""));
    this.#text.addEventListener("input", changed);
    for (const one of [this.#stage, this.#verdict, this.#first]) one.addEventListener("change", changed);
  }

  focus(): void {
    this.#text.focus();
    this.#text.select();
  }

  found(cases: readonly Summary[]): Summary[] {
    const filter = { text: this.#text.value, stage: this.#stage.value, verdict: this.#verdict.value };
    return sorted(filtered(cases, filter), this.#first.checked);
  }
}

const options = (names: readonly (readonly [value: string, text: string])[]): HTMLOptionElement[] =>
  names.map(([value, text]) => el("option", { value }, text));
