/** Dark, light or high contrast: the system's wish until the analyst says otherwise. */

import { el } from "./dom.ts";
import { remember, remembered } from "./remember.ts";

export type Theme = "dark" | "light" | "contrast";

const NAMES: Readonly<Record<Theme | "system", string>> = {
  system: "System theme", dark: "Dark", light: "Light", contrast: "High contrast",
};

const dark = matchMedia("(prefers-color-scheme: dark)");
const more = matchMedia("(prefers-contrast: more)");

const system = (): Theme => (more.matches ? "contrast" : dark.matches ? "dark" : "light");

const isTheme = (value: string): value is Theme => value !== "system" && Object.hasOwn(NAMES, value);

export class ThemeSwitch {
  readonly #select: HTMLSelectElement;
  readonly #changed: () => void;
  #chosen = remembered("theme");
  #held: Theme | null = null;

  constructor(select: HTMLSelectElement, changed: () => void) {
    this.#select = select;
    this.#changed = changed;
    select.append(...Object.entries(NAMES).map(([value, name]) => el("option", { value }, name)));
    select.addEventListener("change", () => this.#choose(select.value));
    for (const wish of [dark, more]) wish.addEventListener("change", () => this.#apply());
    this.#show();
  }

  get current(): Theme {
    return this.#held ?? (isTheme(this.#chosen) ? this.#chosen : system());
  }

  /** A theme that comes before what anybody wishes; null gives way again. */
  hold(theme: Theme | null): void {
    if (theme === this.#held) return;
    this.#held = theme;
    this.#apply();
  }

  #choose(value: string): void {
    this.#chosen = value;
    remember("theme", value);
    this.#apply();
  }

  #apply(): void {
    this.#show();
    this.#changed();
  }

  #show(): void {
    document.documentElement.dataset["theme"] = this.current;
    this.#select.value = isTheme(this.#chosen) ? this.#chosen : "system";
  }
}
