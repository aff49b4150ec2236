/** From one version of a dataset to the next by what changed: see docs/reference/map-api.md. Pure. */

import { BadTable, eachRow, readHeader } from "./tsv.ts";

/** One step between two versions, as the server announces it. */
export interface Step {
  readonly from: number;
  readonly to: number;
  readonly url: string;
}

/** The steps from one version to another, in order; null where none lead there. */
export function stepsBetween(steps: readonly Step[], from: number, to: number): readonly Step[] | null {
  const first = steps.findIndex((step) => step.from === from);
  if (first < 0) return null;
  const way = steps.slice(first);
  const whole = way.every((step, i) => step.from < step.to && step.to === (way[i + 1]?.from ?? to));
  return whole ? way : null;
}

interface Changes {
  /** Numbers of lines of the old version, ascending. */
  readonly out: number[];
  /** Where each new line comes in the new version, ascending, and its bytes in the delta. */
  readonly in: { readonly at: number; readonly from: number; readonly to: number }[];
}

const [PLUS, MINUS, LF] = [43, 45, 10];
const TEXT = new TextDecoder("utf-8", { ignoreBOM: true });

/** The new version, byte for byte. Throws BadTable for what is no delta of the old one. */
export function applied(before: Uint8Array, delta: Uint8Array): Uint8Array<ArrayBuffer> {
  const header = before.subarray(0, readHeader(before).end);
  const { columns, end } = readHeader(delta);
  const ours = TEXT.decode(header);
  if (TEXT.decode(delta.subarray(0, end)) !== `_change\t_at\t${ours}`) throw new BadTable("the changes have other columns");
  return merged(before, lineStarts(before, header.length), delta, changes(delta, end, columns.length));
}

function changes(delta: Uint8Array, start: number, width: number): Changes {
  const found: Changes = { out: [], in: [] };
  let last = -1;
  eachRow(delta, start, width, (cells) => {
    const at = lineNumber(delta, cells[1], cells[2] - 1);
    const comes = delta[cells[0]] === PLUS;
    if (cells[1] !== cells[0] + 2 || (!comes && delta[cells[0]] !== MINUS)) throw new BadTable("a change is none");
    if (comes && found.in.length === 0) last = -1;
    if (at <= last || (!comes && found.in.length > 0)) throw new BadTable("the changes are out of order");
    last = at;
    if (comes) found.in.push({ at, from: cells[2], to: cells[width] });
    else found.out.push(at);
  });
  return found;
}

function lineNumber(bytes: Uint8Array, from: number, to: number): number {
  const text = TEXT.decode(bytes.subarray(from, to));
  if (!/^\d{1,9}$/.test(text)) throw new BadTable("the place of a change is no number");
  return Number(text);
}

/** Where each line after the header begins, and where the last one ends. */
function lineStarts(bytes: Uint8Array, header: number): Uint32Array {
  let lines = 0;
  for (let at = bytes.indexOf(LF, header); at >= 0; at = bytes.indexOf(LF, at + 1)) lines++;
  const starts = new Uint32Array(lines + 1);
  starts[0] = header;
  for (let line = 1; line <= lines; line++) starts[line] = bytes.indexOf(LF, starts[line - 1]) + 1;
  return starts;
}

/** Copies stretches of lines, not lines: a few changes in a million lines cost a few copies. */
function merged(before: Uint8Array, starts: Uint32Array, delta: Uint8Array, changes: Changes): Uint8Array<ArrayBuffer> {
  const kept = stretches(changes.out, starts.length - 1);
  const parts: Uint8Array[] = [before.subarray(0, starts[0])];
  let [written, stretch, taken] = [0, 0, 0];
  const take = (upTo: number): void => {
    while (written < upTo && stretch < kept.length) {
      const [first, past] = kept[stretch];
      const count = Math.min(past - first - taken, upTo - written);
      parts.push(before.subarray(starts[first + taken], starts[first + taken + count]));
      written += count;
      taken = first + taken + count === past ? (stretch++, 0) : taken + count;
    }
  };
  for (const { at, from, to } of changes.in) {
    take(at);
    if (written !== at) throw new BadTable("a change is beyond the end");
    parts.push(delta.subarray(from, to));
    written++;
  }
  take(Infinity);
  return joined(parts);
}

/** The lines that stay, as [first, past the last]. */
function stretches(out: readonly number[], lines: number): [first: number, past: number][] {
  const found: [number, number][] = [];
  let first = 0;
  if ((out.at(-1) ?? -1) >= lines) throw new BadTable("a line that goes is not there");
  for (const line of [...out, lines]) {
    if (line > first) found.push([first, line]);
    first = line + 1;
  }
  return found;
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
