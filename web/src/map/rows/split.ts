/** The edge between map and table, which can be dragged and obeys keys. */

const LEAST = 120; // CSS pixels of the table
const MAP = 150; // and of what stays above it
const STEP = 32;

export class Split {
  readonly #edge: HTMLElement;
  readonly #below: HTMLElement;
  #height = 300;

  constructor(edge: HTMLElement, below: HTMLElement) {
    [this.#edge, this.#below] = [edge, below];
    edge.addEventListener("pointerdown", (event) => this.#drag(event));
    edge.addEventListener("keydown", (event) => {
      const by = { ArrowUp: STEP, ArrowDown: -STEP, Home: Infinity, End: -Infinity }[event.key];
      if (by === undefined) return;
      event.preventDefault();
      this.#set(this.#height + by);
    });
    window.addEventListener("resize", () => this.fit());
  }

  /** Leaves room for the map, whatever became of the window. */
  fit(): void {
    this.#set(this.#height);
  }

  get #most(): number {
    const stage = document.getElementById("stage")!;
    return Math.max(LEAST, this.#below.offsetHeight + stage.offsetHeight - MAP);
  }

  #set(height: number): void {
    if (this.#below.hidden) return;
    this.#height = Math.round(Math.max(LEAST, Math.min(height, this.#most)));
    this.#below.style.height = `${this.#height}px`;
    this.#edge.setAttribute("aria-valuemin", String(LEAST));
    this.#edge.setAttribute("aria-valuemax", String(Math.round(this.#most)));
    this.#edge.setAttribute("aria-valuenow", String(this.#height));
  }

  #drag(event: PointerEvent): void {
    event.preventDefault();
    this.#edge.focus();
    this.#edge.setPointerCapture(event.pointerId);
    const [start, height] = [event.clientY, this.#height];
    const move = (moved: PointerEvent): void => this.#set(height + start - moved.clientY);
    this.#edge.addEventListener("pointermove", move);
    const end = (): void => this.#edge.removeEventListener("pointermove", move);
    for (const kind of ["pointerup", "pointercancel"]) this.#edge.addEventListener(kind, end, { once: true });
  }
}
