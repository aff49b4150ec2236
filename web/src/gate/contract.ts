/** What the server says of the gate: the contract of /api/gate. Times are ISO. Pure. */

import { counts, fields, figure, isFields, list, many, text, texts, time, type Fields } from "../read.ts";

export type Counts = readonly (readonly [name: string, count: number])[];

export interface Paused {
  readonly by: string;
  readonly at: string | null;
  readonly why: string;
}

export interface Plan {
  readonly plan: string;
  readonly at: string | null;
  readonly adds: number;
  readonly removes: number;
  readonly why: string;
}

export interface Run {
  readonly run: string;
  readonly at: string | null;
  readonly added: number;
  readonly extended: number;
  readonly replaced: number;
  readonly removed: number;
  readonly failed: number;
  /** Who had it carried out; empty where nobody had to. */
  readonly by: string;
  /** Why it broke off; empty if it did not. */
  readonly reason: string;
}

export interface Drifted {
  readonly kind: string;
  readonly value: string;
  readonly what: string;
}

export interface Hour {
  readonly hour: string | null;
  readonly added: number;
  readonly removed: number;
}

export interface Target {
  readonly name: string;
  readonly title: string;
  /** When it was looked at last; null where it never was. */
  readonly at: string | null;
  /** Why it could not be read; null if it could. */
  readonly reason: string | null;
  readonly paused: Paused | null;
  /** How many it takes; 0 where there is no limit. */
  readonly limit: number;
  readonly others: number;
  readonly headroom: number;
  readonly slots: number;
  readonly held: number;
  readonly kinds: Counts;
  readonly sources: Counts;
  readonly actions: Counts;
  /** How many score 0 to 10, 10 to 20, and so on. */
  readonly scores: readonly number[];
  /** Why candidates were not chosen, and how many for each reason. */
  readonly refused: Counts;
  readonly waiting: Plan | null;
  readonly drift: readonly Drifted[];
  readonly drifted: number;
  readonly churn: readonly Hour[];
  /** How many changes an hour may bring; 0 where that is not bounded. */
  readonly churnLimit: number;
  /** How many planned changes wait for later runs. */
  readonly postponed: number;
  readonly last: Run | null;
  /** What Undo takes back: the last run that did more than extend what was there. */
  readonly undoable: Run | null;
}

export interface Gate {
  readonly targets: readonly Target[];
}

export interface Change {
  readonly at: string | null;
  readonly run: string;
  readonly do: string;
  readonly kind: string;
  readonly value: string;
  readonly defanged: string;
  readonly action: string;
  readonly score: number | null;
  readonly why: string;
  /** "done", "pending" while it is under way, or what went wrong. */
  readonly outcome: string;
}

export interface Changes {
  readonly items: readonly Change[];
  readonly continuation: string | null;
}

/** An indicator in the set of a target. */
export interface Held {
  readonly id: string;
  readonly kind: string;
  readonly value: string;
  readonly defanged: string;
  readonly score: number | null;
  readonly sources: readonly string[];
  readonly threat: string;
  readonly action: string;
  readonly since: string | null;
  readonly expires: string | null;
}

const TENTHS = 10;

export function readGate(sent: unknown): Gate {
  const { targets } = fields(sent);
  if (!Array.isArray(targets)) throw new Error("the server sent something that is no state of the gate");
  return { targets: targets.map(readTarget).filter(({ name }) => name !== "") };
}

const optional = <T>(sent: unknown, read: (known: Fields) => T): T | null =>
  isFields(sent) ? read(sent) : null;

const readPaused = ({ by, at, why }: Fields): Paused => ({ by: text(by), at: time(at), why: text(why) });

function readTarget(sent: unknown): Target {
  const one = fields(sent);
  const scores = list(one["by_score"]).map(many);
  return {
    name: text(one["name"]), title: text(one["title"]) || text(one["name"]), at: time(one["at"]),
    reason: text(one["reason"]) || null, paused: optional(one["paused"], readPaused),
    limit: many(one["limit"]), others: many(one["others"]), headroom: many(one["headroom"]), slots: many(one["slots"]), held: many(one["held"]),
    kinds: counts(one["by_kind"]), sources: counts(one["by_source"]), actions: counts(one["by_action"]),
    scores: Array.from({ length: TENTHS }, (_, at) => scores[at] ?? 0),
    refused: counts(one["refused"]), waiting: optional(one["waiting"], readPlan), drift: list(one["drift"]).map(readDrifted), drifted: many(one["drifted"]),
    churn: list(one["churn"]).map(readHour), churnLimit: many(one["churn_limit"]), postponed: many(one["postponed"]), last: optional(one["last"], readRun),
    undoable: optional(one["undoable"], readRun),
  };
}

const readPlan = ({ plan, at, adds, removes, why }: Fields): Plan =>
  ({ plan: text(plan), at: time(at), adds: many(adds), removes: many(removes), why: text(why) });

const readRun = ({ run, at, added, extended, replaced, removed, failed, by, reason }: Fields): Run => ({
  run: text(run), at: time(at), added: many(added), extended: many(extended), replaced: many(replaced), removed: many(removed),
  failed: many(failed), by: text(by), reason: text(reason),
});

function readDrifted(sent: unknown): Drifted {
  const { kind, value, what } = fields(sent);
  return { kind: text(kind), value: text(value), what: text(what) };
}

function readHour(sent: unknown): Hour {
  const { hour, added, removed } = fields(sent);
  return { hour: time(hour), added: many(added), removed: many(removed) };
}

export function readChanges(sent: unknown): Changes {
  const { items, continuation } = fields(sent);
  if (!Array.isArray(items)) throw new Error("the server sent something that is no list of changes");
  return { items: items.map(readChange), continuation: text(continuation) || null };
}

function readChange(sent: unknown): Change {
  const one = fields(sent);
  const said = (name: string): string => text(one[name]);
  return {
    at: time(one["at"]), run: said("run"), do: said("do"), kind: said("kind"), value: said("value"), defanged: said("defanged"),
    action: said("action"), score: figure(one["score"]), why: said("why"), outcome: said("outcome") || "done",
  };
}

/** A part of a set of `total`. */
export interface Page {
  readonly items: readonly Held[];
  readonly total: number;
  readonly continuation: string | null;
}

export function readSet(sent: unknown): Page {
  const { items, total, continuation } = fields(sent);
  if (!Array.isArray(items)) throw new Error("the server sent something that is no set");
  return { items: items.map(readHeld), total: many(total), continuation: text(continuation) || null };
}

function readHeld(sent: unknown): Held {
  const one = fields(sent);
  const said = (name: string): string => text(one[name]);
  return {
    id: said("id"), kind: said("kind"), value: said("value"), defanged: said("defanged"), score: figure(one["score"]), sources: texts(one["sources"]),
    threat: said("threat"), action: said("action"), since: time(one["since"]), expires: time(one["expires"]),
  };
}

/** What one source says of an indicator; `why` is there if that does not count. */
export interface Said {
  readonly source: string;
  readonly confidence: number | null;
  readonly first: string | null;
  readonly last: string | null;
  readonly expires: string | null;
  readonly tags: readonly string[];
  readonly threat: string;
  readonly reference: string;
  readonly tlp: string;
  readonly why: string;
}

/** What a source adds to the score: `weight` is `reliability` times `confidence` times `decay`. */
export interface Term {
  readonly source: string;
  readonly grade: string;
  /** Measured, 0 to 1; null while no hit was judged. */
  readonly precision: number | null;
  readonly reliability: number | null;
  readonly confidence: number | null;
  readonly days: number | null;
  readonly decay: number | null;
  /** Sources of one group count once. */
  readonly group: string;
  readonly copies: readonly string[];
  readonly weight: number | null;
  /** Why it adds nothing; empty where it does. */
  readonly uncounted: string;
}

/** What an analyst said. */
export interface Marked {
  readonly word: string;
  readonly because: string;
  readonly by: string;
  readonly at: string | null;
  readonly expires: string | null;
}

/** The URLs on a host for which it is enforced. */
export interface Lifted {
  readonly urls: number;
  readonly sources: readonly string[];
}

export interface Known {
  readonly id: string;
  readonly kind: string;
  readonly value: string;
  readonly defanged: string;
  readonly score: number | null;
  readonly never: string | null;
  readonly place: string;
  readonly marked: Marked | null;
  /** Since when lists and exports serve it. */
  readonly published: string | null;
  readonly lifted: Lifted | null;
  readonly terms: readonly Term[];
  readonly sightings: readonly Said[];
  readonly expired: readonly Said[];
  readonly suppressed: readonly Said[];
}

export function readKnown(sent: unknown): Known {
  const one = fields(sent);
  if (text(one["value"]) === "") throw new Error("the server sent something that is no indicator");
  const asn = figure(one["asn"]);
  const place = [text(one["country"]), asn === null ? "" : `AS${asn}`, text(one["as_name"])];
  const said = (name: string): Said[] => list(one[name]).map(readSaid);
  return {
    id: text(one["id"]), kind: text(one["kind"]), value: text(one["value"]), defanged: text(one["defanged"]),
    score: figure(one["score"]), never: text(one["never_enforced"]) || null, place: place.filter(Boolean).join(" · "),
    marked: optional(one["marked"], readMarked), published: time(one["published"]), lifted: optional(one["lifted"], readLifted), terms: list(one["terms"]).map(readTerm),
    sightings: said("sightings"), expired: said("expired"), suppressed: said("suppressed"),
  };
}

const readLifted = ({ urls, sources }: Fields): Lifted => ({ urls: many(urls), sources: list(sources).map(text) });

const readMarked = ({ word, because, by, at, expires }: Fields): Marked =>
  ({ word: text(word), because: text(because), by: text(by), at: time(at), expires: time(expires) });

function readTerm(sent: unknown): Term {
  const one = fields(sent);
  return {
    source: text(one["source"]), grade: text(one["grade"]), precision: figure(one["precision"]), reliability: figure(one["reliability"]),
    confidence: figure(one["confidence"]), days: figure(one["age_days"]), decay: figure(one["decay"]), group: text(one["group"]),
    copies: texts(one["copies"]), weight: figure(one["weight"]), uncounted: text(one["uncounted"]),
  };
}

function readSaid(sent: unknown): Said {
  const one = fields(sent);
  return {
    source: text(one["source"]), confidence: figure(one["confidence"]), first: time(one["first_seen"]), last: time(one["last_seen"]),
    expires: time(one["expires"]), tags: texts(one["tags"]), threat: text(one["threat"]), reference: text(one["reference"]),
    tlp: text(one["tlp"]), why: text(one["why"]),
  };
}
