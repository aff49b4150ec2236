/** Asks the server for news every so often, but only while somebody may be looking. */

const MINUTE = 60_000;
const PATIENCE = 20_000;

export class Watch {
  readonly #ask: (signal: AbortSignal) => Promise<void>;
  readonly #every: () => number;
  #timer = 0;
  #asking: AbortController | null = null;

  /** `every` is asked after each answer: how many milliseconds the next question has time. */
  constructor(ask: (signal: AbortSignal) => Promise<void>, every: () => number = () => MINUTE) {
    this.#ask = ask;
    this.#every = every;
    document.addEventListener("visibilitychange", () => void this.now());
    window.addEventListener("online", () => void this.now());
  }

  /** Asks at once, and again some time after the answer. A hidden page stops. */
  async now(): Promise<void> {
    clearTimeout(this.#timer);
    this.#asking?.abort();
    if (document.hidden) return;
    const asking = new AbortController();
    this.#asking = asking;
    await this.#ask(AbortSignal.any([asking.signal, AbortSignal.timeout(PATIENCE)]));
    if (asking.signal.aborted) return;
    this.#asking = null;
    this.#timer = window.setTimeout(() => void this.now(), this.#every());
  }
}
