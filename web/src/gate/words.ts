/** What things of the gate are called, and what a person is told before a decision. Pure but for its elements. */

import type { Wording } from "../confirm.ts";
import { el } from "../dom.ts";
import * as format from "../format.ts";
import { isolated, moment, type Word } from "../pieces.ts";
import { plain } from "../text.ts";
import type { Word as Verdict } from "./api.ts";
import type { Plan, Run } from "./contract.ts";

const DEEDS: Readonly<Record<string, Word>> = {
  add: { word: "came in", tone: "fresh" },
  extend: { word: "extended", tone: "" },
  replace: { word: "replaced", tone: "" },
  remove: { word: "went out", tone: "warn" },
};

/** A word of tomorrow is shown as it stands. */
export const deed = (what: string): Word => DEEDS[what] ?? { word: plain(what.replaceAll("_", " ")), tone: "" };

export const pending = (what: string): Word => ({ word: `${plain(what.replaceAll("_", " "))} under way`, tone: "warn" });

export const failed = (what: string): Word => ({ word: `${plain(what.replaceAll("_", " "))} failed`, tone: "bad" });

export const SORTS: readonly (readonly [value: string, text: string])[] = [
  ["", "Any change"], ["add", "Came in"], ["extend", "Extended"], ["replace", "Replaced"], ["remove", "Went out"], ["failed", "Failed"],
];

const KINDS: Readonly<Record<string, string>> = {
  ipv4: "IPv4", ipv6: "IPv6", cidr: "Network", domain: "Domain", url: "URL", email: "E-mail", md5: "MD5", sha1: "SHA-1",
  sha256: "SHA-256", certificate: "Certificate", asn: "AS",
};

export const kind = (name: string): string => KINDS[name] ?? plain(name.replaceAll("_", " "));

/** Whose word it is what they see of our own sources. */
const SOURCES: Readonly<Record<string, string>> = { analyst: "analysts’ word", vmray: "own detonations" };

export const source = (name: string): string => SOURCES[name] ?? plain(name);

/** Reasons of hygiene come as words or with underscores between them. */
export const reason = (text: string): string => plain(text.replaceAll("_", " "));

/** What a person may decide about here. `place` names the button that asked. */
export type Question = { readonly place: string } & (
  | { readonly what: "apply"; readonly target: string; readonly title: string; readonly plan: Plan }
  | { readonly what: "undo"; readonly target: string; readonly title: string; readonly run: Run }
  | { readonly what: "resume"; readonly target: string; readonly title: string; readonly takeBack: boolean; readonly drifted: number }
  | { readonly what: "mark"; readonly word: Verdict; readonly value: string; readonly read: string }
);

export function worded(question: Question): Wording {
  switch (question.what) {
    case "apply": return applied(question.title, question.plan);
    case "undo": return undone(question.title, question.run);
    case "resume": return question.takeBack ? takenBack(question.title, question.drifted) : resumed(question.title);
    case "mark": return marked(question.word, question.read);
  }
}

const asked = (...pieces: readonly (Node | string)[]): HTMLElement => el("p", {}, el("strong", {}, ...pieces));
const follows = (text: string): HTMLElement => el("p", { class: "facts" }, text);

const applied = (title: string, plan: Plan): Wording => ({
  verb: "Approve", doing: "Approving…", strong: true,
  says: [asked("Approve the plan for ", isolated(plain(title)), "?"),
    follows(`${joined([[plan.adds, "comes in", "come in"], [plan.removes, "goes out", "go out"]])}, as fast as the target’s limits allow. What analysts made stays as it is.`)],
});

const undone = (title: string, run: Run): Wording => ({
  verb: "Undo", doing: "Undoing…", strong: true, reason: "Why",
  says: [asked("Take back the last run for ", isolated(plain(title)), ...(run.at === null ? [] : [", of ", moment(run.at)]), "?"),
    follows(`${joined([[run.added, "that came in goes out again", "that came in go out again"], [run.removed, "that went out comes back", "that went out come back"]])}. ` +
      "So that the next run does not do the same once more, the gate pauses there until somebody resumes it.")],
});

const resumed = (title: string): Wording => ({
  verb: "Resume", doing: "Resuming…", strong: true,
  says: [asked("Go on with ", isolated(plain(title)), "?"),
    follows("The next run plans anew and applies what it plans. What is larger than the safety threshold waits for approval, as always.")],
});

const takenBack = (title: string, drifted: number): Wording => ({
  verb: "Resume and take back", doing: "Resuming…", strong: true,
  says: [asked("Go on with ", isolated(plain(title)), ", and take back what was changed by hand?"),
    follows(`What somebody changed or removed there by hand (${format.count(drifted)}) is the gate’s again: the next run puts it as it plans. What analysts made themselves stays as it is.`)],
});

const MARKS: Readonly<Record<Verdict, { readonly verb: string; readonly follows: string }>> = {
  malicious: {
    verb: "Mark as malicious",
    follows: "Its score is 100 for a year, whatever sources say, and the gate enforces it with its next run unless hygiene forbids that.",
  },
  harmless: {
    verb: "Mark as harmless",
    follows: "Its score is 0 for a year, whatever sources say. The gate takes it out of every target with its next run and counts it against the sources that named it.",
  },
};

const marked = (word: Verdict, read: string): Wording => ({
  verb: MARKS[word].verb, doing: "Marking…", strong: true, reason: "Because",
  says: [asked(`${MARKS[word].verb}: `, isolated(read), "?"), follows(MARKS[word].follows)],
});

/** "1,200 come in and 1 goes out"; what none does is left out. */
function joined(parts: readonly (readonly [count: number, one: string, more: string])[]): string {
  const told = parts.filter(([count]) => count > 0).map(([count, one, more]) => `${format.count(count)} ${count === 1 ? one : more}`);
  return told.join(" and ") || "Nothing changes";
}
