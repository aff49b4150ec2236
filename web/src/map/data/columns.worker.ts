/** Fetches one version of a dataset and reads it, away from the thread that draws. */

import { buffersOf, readColumns, type Columns, type Plan } from "./columns.ts";
import { fetched, type Wanted } from "./fetched.ts";
import type { KeptVersion } from "./kept.ts";

export interface Order {
  readonly wanted: Wanted;
  readonly plan: Plan;
  readonly have: KeptVersion | null;
  readonly keep: boolean;
}

/** `failed` beside columns: they are of an earlier version, and why. */
export type Answer =
  | { readonly columns: Columns; readonly version: number; readonly failed: string | null }
  | { readonly failed: string };

self.onmessage = async ({ data }: MessageEvent<Order>): Promise<void> => {
  const post = self.postMessage as (answer: Answer, transfer?: Transferable[]) => void;
  try {
    const { version, bytes, failed } = await fetched(data.wanted, data.have, data.keep);
    const columns = readColumns(bytes, data.plan);
    post({ columns, version, failed }, buffersOf(columns));
  } catch (error) {
    // The one place that catches everything: whatever it was, the page must show it.
    post({ failed: error instanceof Error ? error.message : String(error) });
  }
};
