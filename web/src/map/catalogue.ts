/** What the server offers: the contract of GET /api/datasets. */

import { isCalledOff } from "../server.ts";

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
  /** The column that says for how many events a row stands. */
  readonly weight?: string | null;
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

/** Reads what the server said; throws a sentence for the analyst. */
export async function fetchCatalogue(signal: AbortSignal): Promise<Catalogue> {
  const answer = await fetch("/api/datasets", { cache: "no-cache", signal }).catch((error: unknown) => {
    if (isCalledOff(error)) throw error;
    throw new Error("the server cannot be reached");
  });
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  const body = (await answer.json().catch(() => null)) as Partial<Catalogue> | null;
  if (!Array.isArray(body?.datasets)) throw new Error("the server sent something that is no list of datasets");
  return { datasets: body.datasets, sites: Array.isArray(body.sites) ? body.sites : [] };
}

const GRACE = 3; // refreshes that may fail before the data counts as stale

/** Milliseconds since the last refresh, and whether that is too long. */
export function age(dataset: Dataset, now: number): { milliseconds: number; stale: boolean } | null {
  if (dataset.refreshed === null) return null;
  const milliseconds = now - Date.parse(dataset.refreshed);
  return { milliseconds, stale: milliseconds > GRACE * dataset.every_seconds * 1_000 };
}
