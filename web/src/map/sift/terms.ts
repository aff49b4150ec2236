/** From what is meant to a question that the bytes of a row answer. Pure. */

import { NO_VALUE } from "../data/coded.ts";
import { nameOf } from "../data/codes.ts";
import { blank, inNetwork, readAddress, type Network } from "./ip.ts";
import type { Meaning } from "./meaning.ts";
import type { Term } from "./scan.ts";
import { decodeLine, encodeCell } from "../data/tsv.ts";

const [TAB, BACKSLASH] = [9, 92];
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The question for a table with these columns; null where no row of it can answer yes. */
export function termOf(meaning: Meaning, names: readonly string[]): Term | null {
  switch (meaning.kind) {
    case "address": return inside({ base: meaning.address, bits: 128 });
    case "network": return inside(meaning.network);
    case "country": return cellIs("Country", [meaning.code, nameOf(meaning.code)], names);
    case "column": return cellHas(meaning.column, meaning.text, names);
    case "user": case "text": return lineHas(meaning.text);
  }
}

const address = blank();

function inside(network: Network): Term {
  const passes: Term["passes"] = (bytes, from, to) => {
    for (let at = from; at < to;) {
      const end = cellEnd(bytes, at, to);
      if (readAddress(bytes, at, end, address) && inNetwork(address, network)) return true;
      at = end + 1;
    }
    return false;
  };
  return { key: `in ${network.base.join()}/${network.bits}`, passes };
}

/** Rows that have one of these values in a column. */
export function cellIs(column: string, values: readonly string[], names: readonly string[]): Term | null {
  const index = names.indexOf(column);
  if (index < 0) return null;
  const wanted = values.map((value) => encoder.encode(encodeCell(value === NO_VALUE ? null : value)));
  const passes: Term["passes"] = (bytes, from, to) => {
    const [start, end] = cellAt(bytes, from, to, index);
    return wanted.some((value) => value.length === end - start && value.every((byte, i) => bytes[start + i] === byte));
  };
  return { key: `is ${column}\t${values.join("\t")}`, passes };
}

function cellHas(column: string, text: string, names: readonly string[]): Term | null {
  const index = names.indexOf(column);
  if (index < 0) return null;
  const has = finder(text);
  const passes: Term["passes"] = (bytes, from, to) => has(bytes, ...cellAt(bytes, from, to, index));
  return { key: `has ${column}\t${text.toLowerCase()}`, passes };
}

const lineHas = (text: string): Term => ({ key: `has ${text.toLowerCase()}`, passes: finder(text) });

/** Finds a text in cells, whatever its capitals. */
function finder(text: string): Term["passes"] {
  const needle = text.toLowerCase();
  const slow: Term["passes"] = (bytes, from, to) =>
    decodeLine(decoder.decode(bytes.subarray(from, to))).some((cell) => cell?.toLowerCase().includes(needle));
  // Other scripts fold their capitals in ways that bytes do not show; K and S have doubles there.
  if (/[^\x20-\x7e]/.test(needle)) return slow;
  const low = encoder.encode(needle);
  const high = encoder.encode(needle.toUpperCase());
  return (bytes, from, to) => {
    if (needle.includes("\\")) return slow(bytes, from, to);
    // An escape is two bytes that are not what they say: such a row is read to be sure.
    return hasBytes(bytes, from, to, low, high) && (!hasByte(bytes, from, to, BACKSLASH) || slow(bytes, from, to));
  };
}

function hasBytes(bytes: Uint8Array, from: number, to: number, low: Uint8Array, high: Uint8Array): boolean {
  const [first, other, size] = [low[0], high[0], low.length];
  for (let at = from; at <= to - size; at++) {
    const byte = bytes[at];
    if (byte !== first && byte !== other) continue;
    let same = 1;
    while (same < size && (bytes[at + same] === low[same] || bytes[at + same] === high[same])) same++;
    if (same === size) return true;
  }
  return false;
}

function hasByte(bytes: Uint8Array, from: number, to: number, wanted: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] === wanted) return true;
  return false;
}

function cellEnd(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && bytes[at] !== TAB) at++;
  return at;
}

/** Where a cell of a row begins and ends. */
export function cellAt(bytes: Uint8Array, from: number, to: number, index: number): [start: number, end: number] {
  let start = from;
  for (let left = index; left > 0; left--) start = cellEnd(bytes, start, to) + 1;
  return [start, cellEnd(bytes, start, to)];
}
