/** Work that would be asked for at every frame, done often enough to follow it with the eye. */

export class Pace {
  readonly #every: number;
  readonly #work: () => void;
  #last = -Infinity;
  #timer = 0;

  constructor(every: number, work: () => void) {
    [this.#every, this.#work] = [every, work];
  }

  /** At once, or when the last time is long enough ago. */
  ask(): void {
    const wait = this.#last + this.#every - performance.now();
    clearTimeout(this.#timer);
    if (wait <= 0) this.#go();
    else this.#timer = window.setTimeout(() => this.#go(), wait);
  }

  #go(): void {
    this.#work();
    this.#last = performance.now();
  }
}
