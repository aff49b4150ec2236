/** Distinct cells of a column as numbers: a hash of the bytes, so that no cell becomes a string twice. */

import { cellText } from "./tsv.ts";

/** What is shown, and filtered by, where the log had no value. */
export const NO_VALUE = "(no value)";

/** A column as codes: row `r` says `names[codes[r]]`. */
export interface Coded {
  readonly codes: Uint16Array | Uint32Array;
  readonly names: readonly string[];
}

export class Codes {
  readonly #bytes: Uint8Array;
  readonly #from: number[] = [];
  readonly #to: number[] = [];
  readonly #hash: number[] = [];
  #slots = new Int32Array(256).fill(-1);

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get size(): number {
    return this.#from.length;
  }

  /** The code of a cell; codes count up in order of appearance. */
  code(from: number, to: number): number {
    let hash = to - from;
    for (let at = from; at < to; at++) hash = Math.imul(hash ^ this.#bytes[at], 0x01000193);
    hash ^= hash >>> 15;
    const last = this.#slots.length - 1;
    for (let slot = hash & last; ; slot = (slot + 1) & last) {
      const code = this.#slots[slot];
      if (code < 0) return this.#added(slot, hash, from, to);
      if (this.#hash[code] === hash && this.#same(code, from, to)) return code;
    }
  }

  /** What a code stands for. */
  name(code: number): string {
    return cellText(this.#bytes, this.#from[code], this.#to[code]) ?? NO_VALUE;
  }

  names(): string[] {
    return this.#from.map((_, code) => this.name(code));
  }

  #same(code: number, from: number, to: number): boolean {
    const known = this.#from[code];
    if (this.#to[code] - known !== to - from) return false;
    for (let at = from; at < to; at++) if (this.#bytes[at] !== this.#bytes[known + at - from]) return false;
    return true;
  }

  #added(slot: number, hash: number, from: number, to: number): number {
    const code = this.#from.push(from) - 1;
    this.#to.push(to);
    this.#hash.push(hash);
    this.#slots[slot] = code;
    if (this.size * 2 > this.#slots.length) this.#grow();
    return code;
  }

  #grow(): void {
    const slots = new Int32Array(this.#slots.length * 2).fill(-1);
    this.#hash.forEach((hash, code) => {
      let slot = hash & (slots.length - 1);
      while (slots[slot] >= 0) slot = (slot + 1) & (slots.length - 1);
      slots[slot] = code;
    });
    this.#slots = slots;
  }
}

/** Half the memory where the codes are few. */
export const narrowed = (codes: Uint32Array, distinct: number): Coded["codes"] =>
  distinct <= 65_536 ? Uint16Array.from(codes) : codes;
