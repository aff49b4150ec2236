/** Asks the server to bring a dataset up to date, and says in words what came of it. */

import * as format from "../../format.ts";
import { fields, text } from "../../read.ts";
import { SIGNED_OUT } from "../../server.ts";

const WAIT = 10; // seconds that one request may take; what takes longer is asked after
const SHORTEST = 1_000;
const LONGEST = 60_000;
const PATIENCE = 15 * 60_000;

/** How long to wait by Retry-After, which is seconds or a date; null where it says neither. */
export function waitOf(header: string | null, now: number): number | null {
  if (header === null) return null;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1_000;
  const until = Date.parse(header);
  return Number.isNaN(until) ? null : Math.max(0, until - now);
}

const SAID: Readonly<Record<number, string>> = {
  200: "Refreshed.",
  202: "Under way…",
  204: "It is fresh.",
  401: "Refreshing is not for you.",
  403: "Refreshing is not for you.",
  404: "The server has no such dataset any more.",
  409: "Another refresh took over; what it wrote counts.",
  429: "Asked too often.",
  503: "The log workspace does not answer.",
};

/** A status of POST /api/refresh as a sentence, and when to come back. */
export function inWords(status: number, wait: number | null): string {
  const said = SAID[status] ?? `The server answered ${status}.`;
  return wait === null || status === 200 || status === 202 ? said : `${said} Again in ${format.span(Math.max(wait, 1_000))}.`;
}

/** What GET of a run says: null while it goes on. */
export function ending(body: unknown): string | null {
  const { status, results } = fields(body);
  if (status === "running") return null;
  if (status !== "failed") return "Refreshed.";
  const came = Array.isArray(results) ? results.map((one) => text(fields(one)["result"])) : [];
  return came.includes("down") ? "It failed: the log workspace does not answer." : "It failed.";
}

const sleep = (milliseconds: number): Promise<void> => new Promise((done) => setTimeout(done, milliseconds));

export class Refreshes {
  /** The server said that this caller may not. */
  denied = false;
  readonly #said = new Map<string, string>();
  readonly #busy = new Set<string>();
  readonly #changed: () => void;
  readonly #ended: () => void;

  /** `changed` when there is something to say, `ended` when there may be new rows. */
  constructor(changed: () => void, ended: () => void) {
    this.#changed = changed;
    this.#ended = ended;
  }

  said(name: string): string {
    return this.#said.get(name) ?? "";
  }

  isBusy(name: string): boolean {
    return this.#busy.has(name);
  }

  async start(name: string): Promise<void> {
    if (this.#busy.has(name)) return;
    this.#busy.add(name);
    this.#say(name, "Asking…");
    const ended = await this.#run(name).catch(() => "The server cannot be reached.");
    this.#busy.delete(name);
    this.#say(name, ended);
    this.#ended();
  }

  async #run(name: string): Promise<string> {
    const query = new URLSearchParams({ source_id: name, wait: String(WAIT) });
    const answer = await fetch(`/api/refresh?${query}`, { method: "POST", redirect: "manual" });
    if (answer.type === "opaqueredirect") return `It was not done: ${SIGNED_OUT}.`;
    if ([401, 403].includes(answer.status)) this.denied = true;
    const wait = waitOf(answer.headers.get("Retry-After"), Date.now());
    if (answer.status !== 202) return inWords(answer.status, wait);
    this.#say(name, inWords(202, null));
    return this.#follow(answer.headers.get("Location") ?? "", wait);
  }

  async #follow(location: string, first: number | null): Promise<string> {
    const until = performance.now() + PATIENCE;
    let wait = first;
    while (location.startsWith("/api/") && performance.now() < until) {
      await sleep(Math.min(Math.max(wait ?? 0, SHORTEST), LONGEST));
      const answer = await fetch(location, { cache: "no-store", redirect: "manual" });
      if (!answer.ok) break;
      const said = ending(await answer.json().catch(() => null));
      if (said !== null) return said;
      wait = waitOf(answer.headers.get("Retry-After"), Date.now());
    }
    return "It goes on without this page; new rows appear here.";
  }

  #say(name: string, text: string): void {
    this.#said.set(name, text);
    this.#changed();
  }
}
