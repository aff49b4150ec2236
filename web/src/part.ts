/** A part of the page that is made anew only if what it shows has changed.
 *
 *  Between two changes nothing is touched: not the focus, nor marked text, nor how far it is scrolled.
 *  Through a change it keeps the focus, by `data-focus`, and what is unfolded, by `data-keep`. */

type Made = readonly (Node | string)[];

export class Part {
  readonly #host: HTMLElement;
  #told = "";

  constructor(host: HTMLElement) {
    this.#host = host;
  }

  /** `told` is all that `make` depends on. */
  show(told: unknown, make: () => Made): void {
    const text = JSON.stringify(told);
    if (text === this.#told) return;
    this.#told = text;
    keeping(this.#host, () => this.#host.replaceChildren(...make()));
  }
}

function keeping(host: HTMLElement, change: () => void): void {
  const focused = document.activeElement;
  const held = focused instanceof HTMLElement && host.contains(focused) ? focused : null;
  const open = new Set(unfoldable(host).filter((one) => one.open).map((one) => one.dataset["keep"]));
  change();
  for (const one of unfoldable(host)) if (open.has(one.dataset["keep"])) one.open = true;
  if (held !== null) heir(host, held).focus({ preventScroll: true });
}

const unfoldable = (host: HTMLElement): HTMLDetailsElement[] => [...host.querySelectorAll<HTMLDetailsElement>("details[data-keep]")];

/** Who has the focus next: the same, its like, or whatever it was in. */
function heir(host: HTMLElement, held: HTMLElement): HTMLElement {
  if (host.contains(held)) return held;
  const focusable = [...host.querySelectorAll<HTMLElement>("[data-focus]")];
  return focusable.find((one) => one.dataset["focus"] === held.dataset["focus"]) ?? host;
}
