/** From what the server says to what is read: words, orders, curves, shares. Pure. */

import * as format from "../format.ts";
import type { Advice, Feed } from "./value.ts";

/** "4.8 %", "62 %", "<0.1 %", ">99 %"; a dash where there is nothing to divide by. */
export function percent(share: number | null): string {
  if (share === null) return "–";
  if (share > 0 && share < 0.001) return "<0.1 %";
  if (share > 0.99 && share < 1) return ">99 %";
  return `${share < 0.0995 ? Math.round(1_000 * share) / 10 : Math.round(100 * share)} %`;
}

/** "3 d ahead", "2 h behind". */
export function lead(seconds: number | null): string {
  if (seconds === null) return "–";
  if (seconds === 0) return "no lead";
  return `${largest(Math.abs(seconds) * 1_000)} ${seconds > 0 ? "ahead" : "behind"}`;
}

export const largest = (milliseconds: number): string => format.span(milliseconds).split(" ").slice(0, 2).join(" ");

/** Up to three digits that matter. */
export const number = (value: number | null): string =>
  value === null ? "–" : new Intl.NumberFormat("en-US", { maximumSignificantDigits: 3 }).format(value);

export interface Health {
  readonly word: string;
  readonly tone: "fresh" | "warn" | "bad" | "";
}

const HEALTH: Readonly<Record<string, Health>> = {
  quarantined: { word: "quarantined", tone: "bad" },
  source_down: { word: "down", tone: "bad" },
  bad_payload: { word: "unreadable", tone: "bad" },
  quota_wait: { word: "waits for quota", tone: "warn" },
  partial: { word: "partial", tone: "warn" },
};

/** How a feed fares, in a word. A sample only stands in for a feed that could not be read. */
export function health({ history, origin, late }: Feed): Health {
  if (history.status === null) return { word: "never ran", tone: "" };
  if (origin === "sample") return { word: "sample", tone: "warn" };
  return HEALTH[history.status] ?? (late ? { word: "late", tone: "warn" } : { word: "ok", tone: "fresh" });
}

const ORDER: readonly Advice[] = ["drop", "look", "keep", "early"];

export const WORDS: Readonly<Record<Advice, string>> = {
  drop: "Drop it", look: "Look at it", keep: "Keep it", early: "Too early to say",
};

/** What a column is sorted by; null goes last either way. */
export const KEYS = {
  feed: (feed: Feed) => feed.feed,
  advice: (feed: Feed) => ORDER.indexOf(feed.advice),
  answered: (feed: Feed) => (feed.fetched === null ? null : -Date.parse(feed.fetched)),
  indicators: (feed: Feed) => feed.contribution.indicators,
  unique: (feed: Feed) => feed.contribution.unique_share,
  first: (feed: Feed) => feed.contribution.first_share,
  harmless: (feed: Feed) => feed.noise.harmless_share,
  churn: (feed: Feed) => feed.history.churn,
} as const;

export type Key = keyof typeof KEYS;

export function sorted(feeds: readonly Feed[], by: Key, descending: boolean): Feed[] {
  const key = KEYS[by];
  return [...feeds].sort((one, two) => {
    const [a, b] = [key(one), key(two)];
    if (a === null || b === null) return Number(a === null) - Number(b === null) || byName(one, two);
    const order = a < b ? -1 : a > b ? 1 : 0;
    return (descending ? -order : order) || byName(one, two);
  });
}

const byName = (one: Feed, two: Feed): number => (one.feed < two.feed ? -1 : 1);

export interface Curve {
  readonly line: string;
  readonly area: string;
  /** Where there is one point alone, which no line shows. */
  readonly dots: readonly (readonly [x: number, y: number])[];
  readonly refused: readonly number[];
}

/** A curve in a box of this size; parts without an answer are bridged by the last one before. */
export function curve(volume: readonly (number | null)[], refused: readonly boolean[], width: number, height: number): Curve {
  const top = Math.max(1, ...volume.map((rows) => rows ?? 0));
  const x = (at: number): number => round((width * at) / Math.max(1, volume.length - 1));
  const points = volume.flatMap((rows, at) => (rows === null ? [] : [[x(at), round(height - (height * rows) / top)] as const]));
  const marks = refused.flatMap((is, at) => (is ? [x(at)] : []));
  if (points.length < 2) return { line: "", area: "", dots: points, refused: marks };
  const line = points.map(([px, py], i) => `${i === 0 ? "M" : "L"}${px} ${py}`).join("");
  const [first, last] = [points[0], points[points.length - 1]];
  return { line, area: `${line}L${last[0]} ${height}L${first[0]} ${height}Z`, dots: [], refused: marks };
}

const round = (value: number): number => Math.round(10 * value) / 10;

export interface Overlaps {
  readonly names: readonly string[];
  /** For each row and column the share of the row's feed, null on the diagonal. */
  readonly shares: readonly (readonly (number | null)[])[];
  /** Feeds that have indicators, none of them in common with any other. */
  readonly apart: readonly string[];
}

export function overlaps(feeds: readonly Feed[]): Overlaps {
  const holding = feeds.filter(({ contribution }) => contribution.indicators > 0);
  const shared = (feed: Feed, other: string): number => feed.contribution.overlap[other] ?? 0;
  const some = holding.filter((feed) => holding.some((other) => shared(feed, other.feed) > 0));
  const shares = some.map((row) => some.map((column) =>
    row === column ? null : shared(row, column.feed) / row.contribution.indicators));
  const apart = holding.filter((feed) => !some.includes(feed)).map(({ feed }) => feed);
  return { names: some.map(({ feed }) => feed), shares, apart };
}
