/** Fetches one version of a dataset and reads it, away from the thread that draws. */

import { buffersOf, readColumns, type Columns, type Plan } from "./columns.ts";

export interface Order {
  readonly url: string;
  readonly sha256: string;
  readonly plan: Plan;
}

export type Answer = { readonly columns: Columns } | { readonly failed: string };

async function fetched(order: Order): Promise<Uint8Array<ArrayBuffer>> {
  const answer = await fetch(order.url);
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  // Browsers offer digests only to secure pages: over plain HTTP to another machine we go without.
  if (self.isSecureContext && (await digest(bytes)) !== order.sha256) {
    throw new Error("the file is not the one that was announced");
  }
  return bytes;
}

async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

self.onmessage = async ({ data }: MessageEvent<Order>): Promise<void> => {
  const post = self.postMessage as (answer: Answer, transfer?: Transferable[]) => void;
  try {
    const columns = readColumns(await fetched(data), data.plan);
    post({ columns }, buffersOf(columns));
  } catch (error) {
    // The one place that catches everything: whatever it was, the page must show it.
    post({ failed: error instanceof Error ? error.message : String(error) });
  }
};
