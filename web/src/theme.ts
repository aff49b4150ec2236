/** Dark or light: the system's wish until the analyst says otherwise. */

export type Theme = "dark" | "light";

const KEY = "tidegate.theme";
const system = matchMedia("(prefers-color-scheme: dark)");

/** Storage is denied to some hardened browsers; the choice then lasts as long as the page. */
function stored(): Theme | null {
  try {
    const value = localStorage.getItem(KEY);
    return value === "dark" || value === "light" ? value : null;
  } catch {
    return null;
  }
}

function store(theme: Theme): void {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // see `stored`
  }
}

export class ThemeSwitch {
  readonly #button: HTMLButtonElement;
  readonly #changed: () => void;
  #chosen = stored();

  constructor(button: HTMLButtonElement, changed: () => void) {
    this.#button = button;
    this.#changed = changed;
    button.addEventListener("click", () => this.#choose(this.current === "dark" ? "light" : "dark"));
    system.addEventListener("change", () => this.#apply());
    this.#show();
  }

  get current(): Theme {
    return this.#chosen ?? (system.matches ? "dark" : "light");
  }

  #choose(theme: Theme): void {
    this.#chosen = theme;
    store(theme);
    this.#apply();
  }

  #apply(): void {
    this.#show();
    this.#changed();
  }

  #show(): void {
    if (this.#chosen) document.documentElement.dataset["theme"] = this.#chosen;
    this.#button.textContent = this.current === "dark" ? "Light" : "Dark";
    this.#button.title = `Switch to the ${this.current === "dark" ? "light" : "dark"} theme`;
  }
}
