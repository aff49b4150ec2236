/** From cases to what is read of them: counts, orders, filters, lengths of time. Pure. */

import * as format from "../format.ts";
import type { Artefact, Entered, Summary } from "./api.ts";

const ENDS = new Set(["done", "done_partial", "skipped", "failed"]);

export const isOpen = (stage: string): boolean => !ENDS.has(stage);

const WORST_FIRST = ["malicious", "suspicious", "inconclusive", "clean"];

/** The worst of verdicts; null where there is none. */
export const worst = (verdicts: readonly string[]): string | null =>
  WORST_FIRST.find((verdict) => verdicts.includes(verdict)) ?? verdicts[0] ?? null;

/** What the sandbox says of an artefact; a report that is still to be completed says nothing. */
export const verdictOf = ({ state, report }: Artefact): string | null => (state === "complete" && report ? report.verdict : null);

export interface Tally {
  readonly open: number;
  /** Cases that wait for a person, and the things that each asks. */
  readonly waiting: number;
  readonly asked: number;
  /** Malicious ones of today, which begins at midnight UTC. */
  readonly malicious: number;
  /** Milliseconds since the oldest case that is still open was opened. */
  readonly oldest: number | null;
}

export function tallied(cases: readonly Summary[], now: number): Tally {
  const today = new Date(now).toISOString().slice(0, 10);
  const open = cases.filter(({ stage }) => isOpen(stage));
  const waiting = cases.filter(({ asked }) => asked.length > 0);
  const since = open.map(({ opened }) => Date.parse(opened));
  return {
    open: open.length,
    waiting: waiting.length,
    asked: waiting.reduce((sum, { asked }) => sum + asked.length, 0),
    malicious: cases.filter(({ opened, verdicts }) => opened.startsWith(today) && worst(verdicts) === "malicious").length,
    oldest: since.length === 0 ? null : Math.max(0, now - Math.min(...since)),
  };
}

export interface Filter {
  readonly text: string;
  /** A stage, "open" or "ended"; anything where it is empty. */
  readonly stage: string;
  /** A verdict, or "none"; anything where it is empty. */
  readonly verdict: string;
}

/** The cases that say every word of the text, wherever they say it. */
export function filtered(cases: readonly Summary[], { text, stage, verdict }: Filter): Summary[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return cases.filter((one) => fitsStage(one.stage, stage) && fitsVerdict(one.verdicts, verdict) && saysAll(one, words));
}

function fitsStage(stage: string, wanted: string): boolean {
  if (wanted === "open" || wanted === "ended") return isOpen(stage) === (wanted === "open");
  return wanted === "" || stage === wanted;
}

const fitsVerdict = (verdicts: readonly string[], wanted: string): boolean =>
  wanted === "" || (worst(verdicts) ?? "none") === wanted;

function saysAll(one: Summary, words: readonly string[]): boolean {
  const said = [one.id, one.title, one.device, one.severity, one.reason, one.stage, ...one.verdicts].join("\n").toLowerCase();
  return words.every((word) => said.includes(word));
}

/** The newest first, equals as the server has them; who waits for a person before all others, if so wished. */
export function sorted(cases: readonly Summary[], waitingFirst: boolean): Summary[] {
  const rank = ({ asked }: Summary): number => (waitingFirst && asked.length > 0 ? 0 : 1);
  return [...cases].sort((one, two) =>
    rank(one) - rank(two) || Date.parse(two.opened) - Date.parse(one.opened));
}

/** Part of a second where there is no whole one: "112 ms", "2.3 s", "4 min 10 s". */
export function lasted(milliseconds: number): string {
  if (milliseconds < 1_000) return `${Math.max(0, Math.round(milliseconds))} ms`;
  return milliseconds < 10_000 ? `${(milliseconds / 1_000).toFixed(1)} s` : format.span(milliseconds);
}

export interface Step {
  readonly stage: string;
  readonly at: string;
  /** Milliseconds; null at an end, which has no length. */
  readonly took: number | null;
  /** Of the whole round, 0 to 1. */
  readonly share: number;
  readonly running: boolean;
}

/** One way from a beginning to an end. An ended case that is decided about goes another. */
export interface Round {
  readonly steps: readonly Step[];
  readonly took: number;
  /** How long the case had rested before; null in the first round. */
  readonly rested: number | null;
}

export function rounds(entered: readonly Entered[], now: number): Round[] {
  const found: Round[] = [];
  for (let from = 0; from < entered.length;) {
    const end = entered.findIndex(({ stage }, at) => at >= from && !isOpen(stage));
    const to = end === -1 ? entered.length : end + 1;
    const before = from === 0 ? null : Date.parse(entered[from].at) - Date.parse(entered[from - 1].at);
    found.push(round(entered.slice(from, to), before, now));
    from = to;
  }
  return found;
}

function round(entered: readonly Entered[], rested: number | null, now: number): Round {
  const times = entered.map(({ at }) => Date.parse(at));
  const [first, last] = [entered[0], entered[entered.length - 1]];
  const until = isOpen(last.stage) ? Math.max(now, times[times.length - 1]) : times[times.length - 1];
  const took = until - Date.parse(first.at);
  const steps = entered.map(({ stage, at }, i): Step => {
    const length = isOpen(stage) ? Math.max(0, (times[i + 1] ?? until) - times[i]) : null;
    return { stage, at, took: length, share: took > 0 ? (length ?? 0) / took : 0, running: length !== null && i === entered.length - 1 };
  });
  return { steps, took, rested };
}
