/** Asks the server; what goes wrong becomes a sentence for the analyst. */

import { plain } from "./text.ts";

/** The server answered, and it was no. */
export class Refused extends Error {
  readonly status: number;

  constructor(status: number, text: string) {
    super(text);
    this.status = status;
  }
}

const PATIENCE = 20_000;
/** The host leads to a sign-in then, where a question of ours cannot follow. */
export const SIGNED_OUT = "you are signed out; reload the page to sign in";

/** The answer as JSON. */
export async function ask(path: string, options: RequestInit): Promise<unknown> {
  const answer = await fetch(path, { cache: "no-store", redirect: "manual", ...options }).catch((error: unknown) => {
    if (isCalledOff(error)) throw error;
    throw new Error("the server cannot be reached");
  });
  if (answer.type === "opaqueredirect") throw new Refused(401, SIGNED_OUT);
  const body: unknown = await answer.json().catch(() => null);
  if (!answer.ok) throw new Refused(answer.status, said(answer.status, body));
  return body;
}

/** Tells the server what a person decided. */
export const tell = (path: string, body: unknown, patience = PATIENCE): Promise<unknown> =>
  ask(path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    signal: AbortSignal.timeout(patience),
  });

function said(status: number, body: unknown): string {
  const detail = (body as { detail?: unknown } | null)?.detail;
  return typeof detail === "string" && detail !== "" ? `${plain(detail.slice(0, 300))} (${status})` : `the server answered ${status}`;
}

/** True for a question that we took back ourselves, which is no failure of the server. */
export const isCalledOff = (error: unknown): boolean =>
  error instanceof DOMException && error.name === "AbortError";

export const sentence = (error: unknown): string => (error instanceof Error ? error.message : String(error));
