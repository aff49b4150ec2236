/** Asks the server of the gate, and tells it what people decide. */

import { ask, isCalledOff, Refused, sentence, tell } from "../server.ts";
import { readChanges, readGate, readKnown, readSet, type Changes, type Gate, type Held, type Known, type Page, type Target } from "./contract.ts";

const CHANGES = 50; // at once
export const INDICATORS = 100;

export const fetchGate = async (signal: AbortSignal): Promise<Gate> => readGate(await ask("/api/gate", { signal }));

/** The newest changes at a target, or those before a continuation. */
export async function fetchChanges(target: string, before: string | null, signal: AbortSignal): Promise<Changes> {
  const asked = new URLSearchParams({ target, limit: String(CHANGES), ...(before !== null && { before }) });
  return readChanges(await ask(`/api/gate/changes?${asked}`, { signal }));
}

/** What of a set somebody wants to see; "" is any. */
export interface Sought {
  readonly target: string;
  readonly kind: string;
  readonly source: string;
  readonly action: string;
  readonly q: string;
}

/** A page of what a target holds, the best first. */
export async function fetchSet(sought: Sought, continuation: string | null, signal: AbortSignal): Promise<Page> {
  const given = Object.entries(sought).filter(([, value]) => value !== "");
  const asked = new URLSearchParams([...given, ["limit", String(INDICATORS)], ...(continuation === null ? [] : [["continuation", continuation]])]);
  return readSet(await ask(`/api/gate/set?${asked}`, { signal }));
}

/** All that is known of a value; null if nobody ever reported it. */
export async function fetchKnown(value: string, signal: AbortSignal): Promise<Known | null> {
  try {
    return readKnown(await ask(`/api/indicators/${encodeURIComponent(value)}`, { signal }));
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return null;
    throw error;
  }
}

/** Whether a target holds an indicator: how, or why nobody can tell. */
export interface Hold {
  readonly target: string;
  readonly title: string;
  readonly held: Held | null;
  readonly trouble: string | null;
}

const PAGES = 5; // a part of many values is no indicator that one explains

export const fetchHolds = (known: Known, targets: readonly Target[], signal: AbortSignal): Promise<Hold[]> =>
  Promise.all(targets.map((target) => fetchHold(known, target, signal)));

async function fetchHold(known: Known, { name, title }: Target, signal: AbortSignal): Promise<Hold> {
  try {
    return { target: name, title, held: await find(known, name, signal), trouble: null };
  } catch (error) {
    if (isCalledOff(error)) throw error;
    return { target: name, title, held: null, trouble: sentence(error) };
  }
}

async function find({ kind, value }: Known, target: string, signal: AbortSignal): Promise<Held | null> {
  const asked = new URLSearchParams({ target, kind, q: value, limit: String(INDICATORS) });
  for (let page = 0; page < PAGES; page++) {
    const { items, continuation } = readSet(await ask(`/api/gate/set?${asked}`, { signal }));
    const found = items.find((one) => one.kind === kind && one.value === value);
    if (found !== undefined || continuation === null) return found ?? null;
    asked.set("continuation", continuation);
  }
  throw new Error("too many are like it");
}

export type Word = "malicious" | "harmless";

const LONG = 300_000; // a full target takes its indicators in parts, and so many a minute

export const apply = (target: string, plan: string, by: string): Promise<unknown> => tell("/api/gate/apply", { target, plan, by }, LONG);
/** `run` is the one that was seen: no other is taken back in its place. */
export const undo = (target: string, run: string, by: string, why: string): Promise<unknown> => tell("/api/gate/undo", { target, run, by, why }, LONG);
/** `takeBack`: what was changed by hand is the gate's again. */
export const resume = (target: string, by: string, takeBack: boolean): Promise<unknown> => tell("/api/gate/resume", { target, by, take_back: takeBack });
export const mark = (value: string, word: Word, because: string, by: string): Promise<unknown> =>
  tell("/api/indicators/mark", { value, word, because, by });
