/** Asks the server for news every minute, but only while somebody may be looking. */

const EVERY = 60_000;
const PATIENCE = 20_000;

export class Watch {
  readonly #ask: (signal: AbortSignal) => Promise<void>;
  #timer = 0;
  #asking: AbortController | null = null;

  constructor(ask: (signal: AbortSignal) => Promise<void>) {
    this.#ask = ask;
    document.addEventListener("visibilitychange", () => void this.now());
    window.addEventListener("online", () => void this.now());
  }

  /** Asks at once, and again a minute after the answer. A hidden page stops. */
  async now(): Promise<void> {
    clearTimeout(this.#timer);
    this.#asking?.abort();
    if (document.hidden) return;
    const asking = new AbortController();
    this.#asking = asking;
    await this.#ask(AbortSignal.any([asking.signal, AbortSignal.timeout(PATIENCE)]));
    if (asking.signal.aborted) return;
    this.#asking = null;
    this.#timer = window.setTimeout(() => void this.now(), EVERY);
  }
}
