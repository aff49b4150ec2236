/** What the server says of feeds: the contract of GET /api/feeds/value. Times are ISO, shares 0 to 1. */

import { ask } from "../server.ts";

export type Advice = "drop" | "look" | "keep" | "early";

export interface Feed {
  readonly feed: string;
  readonly title: string;
  readonly use: string;
  readonly group: string | null;
  readonly every_seconds: number;
  readonly origin: string | null;
  readonly fetched: string | null;
  readonly late: boolean;
  readonly history: {
    readonly runs: number;
    readonly answers: number;
    readonly failed: number;
    readonly quarantined: number;
    readonly status: string | null;
    readonly reason: string | null;
    readonly ran: string | null;
    readonly changed: string | null;
    readonly churn: number | null;
    readonly volume: readonly (number | null)[];
    readonly refused: readonly boolean[];
  };
  readonly contribution: {
    readonly indicators: number;
    readonly unique: number;
    readonly lost: number;
    readonly shared: number;
    readonly lead_seconds: number | null;
    readonly newest: string | null;
    readonly overlap: Readonly<Record<string, number>>;
    readonly unique_share: number | null;
    readonly lost_share: number | null;
    readonly first_share: number | null;
  };
  readonly noise: {
    readonly suppressed: number;
    readonly harmless: number;
    readonly harmless_share: number | null;
  };
  readonly cost: {
    readonly requests: number | null;
    readonly seconds: number | null;
    readonly units: number;
    readonly seconds_per_unique: number | null;
    readonly units_per_unique: number | null;
  };
  /** Measured on what the tenant saw, 0 to 1. Older servers measure none of the three. */
  readonly precision?: number | null;
  readonly hits?: number | null;
  readonly false_positives?: number | null;
  readonly advice: Advice;
  readonly because: string;
}

export interface Value {
  readonly at: string;
  readonly thresholds: Readonly<Record<string, number>>;
  readonly drawn: { readonly days: number; readonly points: number };
  readonly feeds: readonly Feed[];
}

/** Reads what the server said; throws a sentence for the analyst. */
export async function fetchValue(signal: AbortSignal): Promise<Value> {
  const body = (await ask("/api/feeds/value", { cache: "no-cache", signal })) as Value | null;
  if (!Array.isArray(body?.feeds)) throw new Error("the server sent something that is no list of feeds");
  return body;
}
