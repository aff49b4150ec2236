/** What the server says of cases: the contract of /api/cases. Times are ISO. */

import { ask, tell } from "../server.ts";

/** The most that the list asks for: what a person looks through, and what a server likes to send. */
export const MOST = 200;

export interface Summary {
  readonly id: string;
  readonly title: string | null;
  readonly severity: string | null;
  readonly device: string | null;
  readonly stage: string;
  readonly opened: string;
  readonly verdicts: readonly string[];
  readonly asked: readonly string[];
  readonly reason: string | null;
}

export interface Device {
  readonly id: string;
  readonly name: string;
  readonly os: string;
  readonly group: string;
  readonly tags: readonly string[];
}

export interface Artefact {
  readonly key: string;
  readonly entity: string;
  readonly target: string;
  readonly state: string;
  readonly sha1: string;
  readonly reused: boolean;
  readonly dropped: number;
  readonly had: string | null;
  readonly troubles: readonly string[];
  readonly iocs: readonly { readonly kind: string; readonly value: string; readonly verdict: string }[];
  readonly report: {
    readonly verdict: string;
    readonly analysed: string;
    readonly link: string;
    readonly threats: readonly string[];
    readonly classifications: readonly string[];
    readonly techniques: readonly string[];
    readonly traits: readonly { readonly score: number; readonly operation: string }[];
    readonly children: number;
    readonly cut: boolean;
  } | null;
  readonly spread: {
    readonly devices: readonly Device[];
    readonly seen: number;
    readonly everywhere: number | null;
    readonly signer: string;
  } | null;
}

/** One change outside; `about` names its target for people. */
export interface Deed {
  readonly do: string;
  readonly kind: string | null;
  readonly target: string;
  readonly text: string;
  readonly undo: string | null;
  readonly about?: string;
}

export interface Response {
  readonly key: string;
  readonly effect: Deed;
  readonly turn: string;
  readonly since: string;
  readonly detail: string;
}

export interface Effect extends Deed {
  readonly key: string;
  readonly done: string | null;
  readonly result: string;
}

export interface Entered {
  readonly stage: string;
  readonly at: string;
}

export interface Case {
  readonly id: string;
  readonly opened: string;
  readonly stage: string;
  readonly reason: string | null;
  readonly alert: {
    readonly title: string;
    readonly severity: string;
    readonly source: string;
    readonly category: string;
    readonly family: string;
    readonly incident: string | null;
    readonly device: Device | null;
  } | null;
  readonly artefacts: readonly Artefact[];
  readonly entered: readonly Entered[];
  readonly responses: readonly Response[];
  readonly revoked: readonly Deed[];
  readonly effects: readonly Effect[];
  readonly asked: readonly string[];
  readonly notes: readonly string[];
}

export type Decision = "approve" | "reject" | "undo";

/** Reads the newest cases; throws a sentence for the analyst, as all here do. */
export async function fetchCases(signal: AbortSignal): Promise<readonly Summary[]> {
  const body = await ask(`/api/cases?limit=${MOST}`, { signal });
  if (!Array.isArray(body)) throw new Error("the server sent something that is no list of cases");
  return body as Summary[];
}

export async function fetchCase(id: string, signal: AbortSignal): Promise<Case> {
  const body = await ask(`/api/cases/${encodeURIComponent(id)}`, { signal });
  if (!Array.isArray((body as Case | null)?.artefacts)) throw new Error("the server sent something that is no case");
  return body as Case;
}

/** Writes down what a person decided about one thing. */
export async function decide(id: string, what: Decision, by: string, only: string): Promise<void> {
  await tell(`/api/cases/${encodeURIComponent(id)}/${what}`, { by, only });
}
