/** The clock above a page, and how fresh is what the page shows. */

import { part } from "./dom.ts";
import * as format from "./format.ts";

export class Freshness {
  /** Why the last question had no answer; null if it had one, or none was asked. */
  trouble: string | null = null;
  #checked: number | null = null;
  #asOf = 0;

  constructor() {
    setInterval(() => this.tick(), 1_000);
    this.tick();
  }

  /** `asOf` is the time that the answer speaks of. */
  answered(asOf = Date.now()): void {
    [this.trouble, this.#checked, this.#asOf] = [null, Date.now(), asOf];
  }

  tick(): void {
    const now = Date.now();
    part("clock").textContent = `${format.clock(now)} UTC`;
    part("clock").setAttribute("datetime", new Date(now).toISOString());
    const text = this.#status(now);
    if (part("status").textContent !== text) part("status").textContent = text;
    part("status").dataset["state"] = this.trouble !== null ? "offline" : this.#checked === null ? "waiting" : "live";
  }

  #status(now: number): string {
    if (this.trouble !== null) return `Offline${this.#checked === null ? "" : `, as of ${format.minute(this.#asOf)} UTC`}: ${this.trouble}`;
    return this.#checked === null ? "Connecting…" : `Live · checked ${format.ago(now - this.#checked)}`;
  }
}
