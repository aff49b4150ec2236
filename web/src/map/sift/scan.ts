/** Looks at the text of every row for something, in slices, and remembers what it found. */

import type { Columns } from "../data/columns.ts";
import { sliced } from "./tasks.ts";

/** A question to the bytes of one row, the line feed excluded. Equal keys ask the same. */
export interface Term {
  readonly key: string;
  readonly passes: (bytes: Uint8Array, from: number, to: number) => boolean;
}

type Job = readonly [columns: Columns, term: Term];

const KEPT = 6; // answers remembered for each dataset

export class Scans {
  readonly #known = new WeakMap<Columns, Map<string, Uint8Array>>();
  readonly #ready: () => void;
  #running: { readonly job: Job; readonly off: AbortController } | null = null;
  #wanted: readonly Job[] = [];

  constructor(ready: () => void) {
    this.#ready = ready;
  }

  get busy(): boolean {
    return this.#running !== null;
  }

  /** For each row 1 or 0; null while nobody has looked. */
  answer([columns, { key }]: Job): Uint8Array | null {
    return this.#known.get(columns)?.get(key) ?? null;
  }

  /** Looks for these, one after the other, and no longer for anything else. */
  want(jobs: readonly Job[]): void {
    this.#wanted = jobs;
    const running = this.#running;
    if (running !== null && !jobs.some((job) => same(job, running.job))) {
      running.off.abort();
      this.#running = null;
    }
    if (this.#running === null) this.#next();
  }

  #next(): void {
    const job = this.#wanted.find((one) => this.answer(one) === null);
    if (job === undefined) return;
    const off = new AbortController();
    this.#running = { job, off };
    scan(job, off.signal).then((found) => {
      this.#running = null;
      this.#keep(job, found);
      this.#next();
      if (this.#running === null) this.#ready();
    }, () => {}); // called off
  }

  #keep([columns, { key }]: Job, found: Uint8Array): void {
    const kept = this.#known.get(columns) ?? new Map<string, Uint8Array>();
    kept.set(key, found);
    if (kept.size > KEPT) kept.delete(kept.keys().next().value!);
    this.#known.set(columns, kept);
  }
}

const same = ([columns, term]: Job, [others, other]: Job): boolean => columns === others && term.key === other.key;

export async function scan([{ bytes, start }, { passes }]: Job, signal: AbortSignal): Promise<Uint8Array> {
  const found = new Uint8Array(start.length);
  await sliced(start.length, signal, (from, to) => {
    for (let row = from; row < to; row++) found[row] = +passes(bytes, start[row], bytes.indexOf(10, start[row]));
  });
  return found;
}
