/** From what the server says of the gate to what is read: shares, bars, orders, filters. Pure. */

import type { Feed } from "../feeds/value.ts";
import type { Change, Changes, Hour, Target } from "./contract.ts";

export interface Segment {
  readonly name: string;
  readonly kind: "ours" | "others" | "headroom" | "free";
  readonly count: number;
  /** Of the bar, 0 to 1. */
  readonly share: number;
}

/** Who has the places of a target; nothing where places are not counted. */
export function quota({ limit, held, others, headroom }: Target): Segment[] {
  if (limit === 0) return [];
  // A full target eats up the headroom before anything else.
  const left = Math.max(0, limit - held - others);
  const kept = Math.min(headroom, left);
  const all = Math.max(limit, held + others);
  const parts = [
    ["Ours", "ours", held], ["Analysts’", "others", others], ["Kept free", "headroom", kept], ["Free", "free", left - kept],
  ] as const;
  return parts.map(([name, kind, count]) => ({ name, kind, count, share: count / all }));
}

export interface Bar {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** One bar upwards for each number, in a box of this size; what is there is seen. */
export function bars(numbers: readonly number[], width: number, height: number): Bar[] {
  const top = Math.max(1, ...numbers);
  const step = width / Math.max(1, numbers.length);
  return numbers.map((number, at) => {
    const tall = number === 0 ? 0 : Math.max(1, round((height * number) / top));
    return { x: round(at * step), y: round(height - tall), width: round(step * 0.8), height: tall };
  });
}

export interface Churned {
  /** Upwards from the floor. */
  readonly added: Bar;
  /** Downwards from it. */
  readonly removed: Bar;
  /** Whether the hour brought as many changes as one may. */
  readonly full: boolean;
}

export interface Churn {
  readonly floor: number;
  readonly hours: readonly Churned[];
}

/** What came and what went hour by hour, on one scale, in a box of this size. */
export function churned(hours: readonly Hour[], limit: number, width: number, height: number): Churn {
  const [most, least] = [Math.max(0, ...hours.map(({ added }) => added)), Math.max(0, ...hours.map(({ removed }) => removed))];
  const scale = height / Math.max(1, most + least);
  const floor = round(most + least === 0 ? height / 2 : most * scale);
  const step = width / Math.max(1, hours.length);
  const bar = (at: number, number: number, up: boolean): Bar => {
    const tall = number === 0 ? 0 : Math.max(1, round(number * scale));
    return { x: round(at * step), y: up ? round(floor - tall) : floor, width: round(step * 0.75), height: tall };
  };
  return {
    floor,
    hours: hours.map(({ added, removed }, at) => ({
      added: bar(at, added, true), removed: bar(at, removed, false), full: limit > 0 && added + removed >= limit,
    })),
  };
}

const round = (value: number): number => Math.round(10 * value) / 10;

const identity = ({ run, do: what, kind, value }: Change): string => JSON.stringify([run, what, kind, value]);

/** What is shown, with what is new before it. Where the two do not meet, the new is all that is certain. */
export function renewed(shown: Changes, fresh: Changes): Changes {
  const known = new Set(fresh.items.map(identity));
  const from = shown.items.findIndex((one) => known.has(identity(one)));
  if (from === -1) return fresh;
  const older = shown.items.filter((one) => !known.has(identity(one)));
  return { items: [...fresh.items, ...older], continuation: older.length === 0 ? fresh.continuation : shown.continuation };
}

export const isPending = ({ outcome }: Change): boolean => outcome === "pending";
export const isFailed = (one: Change): boolean => one.outcome !== "done" && !isPending(one);

/** The changes of one sort: what was done, "failed", or any where it is empty. */
export const filtered = (items: readonly Change[], what: string): readonly Change[] =>
  what === "" ? items : items.filter((one) => (what === "failed" ? isFailed(one) : one.do === what));

const MOST = 160;

/** The beginning of what is long; null for what is short enough to be read at once. */
export const shortened = (text: string, most = MOST): string | null =>
  text.length <= most ? null : `${[...text.slice(0, most)].slice(0, -1).join("").trimEnd()}…`;

/** Digits that matter, and no more. */
export const shown = (value: number | null, digits = 2): string =>
  value === null ? "–" : new Intl.NumberFormat("en-US", { maximumFractionDigits: digits }).format(value);

/** Of a feed's indicators the share that an independent source has, too. */
export const shared = ({ contribution: { indicators, shared: some } }: Feed): number | null => (indicators === 0 ? null : some / indicators);
