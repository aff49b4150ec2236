/** What the server offers: the contract of GET /api/datasets. */

import { isCalledOff, Refused, SIGNED_OUT } from "../../server.ts";
import type { Step } from "./delta.ts";
import { keepListing, keptListing } from "./kept.ts";

export interface Dataset {
  readonly name: string;
  readonly title: string;
  /** Null until the first refresh; every other fact about the data is then empty too. */
  readonly version: number | null;
  readonly url: string | null;
  readonly rows: number;
  readonly located: number;
  readonly unlocated: number;
  readonly bytes: number;
  readonly sha256: string | null;
  readonly refreshed: string | null;
  readonly watermark: string | null;
  readonly partial: boolean;
  readonly synthetic: boolean;
  readonly every_seconds: number;
  readonly time: string;
  readonly label: string;
  readonly colour: string | null;
  readonly key: readonly string[];
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  // An earlier server says none of these.
  readonly deltas?: readonly Step[];
  readonly next_refresh?: string | null;
  readonly refreshing?: string | null;
  readonly warnings?: readonly string[];
  readonly failed?: string | null;
  readonly reason?: string | null;
  /** The column that says for how many events a row stands. */
  readonly weight?: string | null;
  /** Whether it is on the map before anybody chooses. */
  readonly shown?: boolean;
  /** Columns that are offered to filter by. */
  readonly facets?: readonly string[];
  readonly kind?: "events" | "indicators" | "actors";
  /** Where the rows lead: to the place in two columns of theirs, or to every site of the listing. */
  readonly arc?: { readonly latitude: string; readonly longitude: string } | "sites" | null;
}

/** A place of one's own, to which attacks lead. */
export interface Site {
  readonly name: string;
  readonly latitude: number;
  readonly longitude: number;
}

export interface Catalogue {
  readonly datasets: readonly Dataset[];
  readonly sites: readonly Site[];
}

/** Reads what the server said, and keeps it if `keep`; throws a sentence for the analyst. */
export async function fetchCatalogue(signal: AbortSignal, keep: boolean): Promise<Catalogue> {
  const options = { cache: "no-cache", redirect: "manual", signal } as const;
  const answer = await fetch("/api/datasets", options).catch((error: unknown) => {
    if (isCalledOff(error)) throw error;
    throw new Error("the server cannot be reached");
  });
  if (answer.type === "opaqueredirect") throw new Refused(401, SIGNED_OUT);
  if (!answer.ok) throw new Refused(answer.status, `the server answered ${answer.status}`);
  const body: unknown = await answer.json().catch(() => null);
  const catalogue = listed(body);
  if (catalogue === null) throw new Error("the server sent something that is no list of datasets");
  if (keep) await keepListing(body, catalogue.datasets.map(({ name }) => name), Date.now());
  return catalogue;
}

/** The list as it was kept, and when the server said it. */
export async function keptCatalogue(): Promise<(Catalogue & { at: number }) | null> {
  const kept = await keptListing();
  const catalogue = kept && listed(kept.body);
  return kept && catalogue && { ...catalogue, at: kept.at };
}

function listed(body: unknown): Catalogue | null {
  const { datasets, sites } = (body ?? {}) as Partial<Catalogue>;
  return Array.isArray(datasets) ? { datasets, sites: Array.isArray(sites) ? sites : [] } : null;
}

/** Whether the server has said that all this is not for us, or is not there: then nothing may stay. */
export const isFinal = (error: unknown): boolean => error instanceof Refused && [401, 403, 404].includes(error.status);

const GRACE = 3; // refreshes that may fail before the data counts as stale

/** Milliseconds since the last refresh, and whether that is too long. */
export function age(dataset: Dataset, now: number): { milliseconds: number; stale: boolean } | null {
  if (dataset.refreshed === null) return null;
  const milliseconds = now - Date.parse(dataset.refreshed);
  return { milliseconds, stale: milliseconds > GRACE * dataset.every_seconds * 1_000 };
}
