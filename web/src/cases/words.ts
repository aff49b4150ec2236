/** What things are called: stages, verdicts, turns, and what is done on devices and in records. Pure. */

import type { Word } from "../pieces.ts";
import { fileName, plain, readable } from "../text.ts";
import type { Decision, Deed } from "./api.ts";

type Words = Readonly<Record<string, Word>>;

const STAGES: Words = {
  received: { word: "Received", tone: "" },
  examine: { word: "Examine", tone: "" },
  record: { word: "Record", tone: "" },
  writeback: { word: "Write back", tone: "" },
  cleanup: { word: "Clean up", tone: "" },
  respond: { word: "Respond", tone: "" },
  done: { word: "Done", tone: "fresh" },
  done_partial: { word: "Done in part", tone: "warn" },
  skipped: { word: "Skipped", tone: "" },
  failed: { word: "Failed", tone: "bad" },
};

const VERDICTS: Words = {
  malicious: { word: "malicious", tone: "bad" },
  suspicious: { word: "suspicious", tone: "warn" },
  inconclusive: { word: "inconclusive", tone: "" },
  clean: { word: "clean", tone: "fresh" },
};

const TURNS: Words = {
  asked: { word: "waits for approval", tone: "warn" },
  waiting: { word: "is about to begin", tone: "" },
  running: { word: "under way", tone: "" },
  stopping: { word: "being stopped", tone: "" },
  succeeded: { word: "succeeded", tone: "fresh" },
  needless: { word: "was so already", tone: "" },
  failed: { word: "failed", tone: "bad" },
  rejected: { word: "rejected", tone: "" },
};

const STATES: Words = {
  lookup: { word: "is looked up", tone: "" },
  acquire: { word: "is asked of a device", tone: "" },
  fetch: { word: "comes from a device", tone: "" },
  submit: { word: "goes to the sandbox", tone: "" },
  analysing: { word: "is analysed", tone: "" },
  collect: { word: "its report is read", tone: "" },
  spread: { word: "is looked for elsewhere", tone: "" },
  complete: { word: "complete", tone: "fresh" },
  failed: { word: "no verdict", tone: "warn" },
};

/** A word of ours that this page does not know yet is shown as it stands. */
const found = (words: Words, key: string): Word => words[key] ?? { word: plain(key.replaceAll("_", " ")), tone: "" };

export const stageNames: readonly (readonly [string, string])[] = Object.entries(STAGES).map(([key, { word }]) => [key, word]);
export const verdictNames: readonly string[] = Object.keys(VERDICTS);
export const stage = (key: string): Word => found(STAGES, key);
export const verdict = (key: string): Word => found(VERDICTS, key);
export const turn = (key: string): Word => found(TURNS, key);
export const state = (key: string): Word => found(STATES, key);

/** What people call files and devices, by the SHA-1 or the id that is all that some effects say. */
export type Names = ReadonlyMap<string, string>;

/** What is done, in words: "Quarantine invoice.exe". */
export function deed(done: Deed, names: Names): string {
  const { do: what, text, kind } = done;
  switch (what) {
    case "alert.begin": return "Take up the alert";
    case "alert.comment": return "Comment the alert";
    case "alert.classify": return `Classify the alert: ${plain(text)}`;
    case "indicator.block": return `Block ${kind ?? "indicator"}`;
    case "indicator.delete": return `Unblock ${kind ?? "indicator"}`;
    case "incident.tag": return `Tag the incident: ${plain(text)}`;
    case "incident.untag": return `Untag the incident: ${plain(text)}`;
    case "incident.comment": return "Comment the incident";
    case "device.tag": return `Tag the device: ${plain(text)}`;
    case "device.untag": return `Untag the device: ${plain(text)}`;
    case "device.collect": return "Collect the investigation package";
    case "device.scan": return `Scan for viruses${text === "" ? "" : ` (${plain(text.toLowerCase())})`}`;
    case "file.quarantine": return `Quarantine ${fileName(plain(names.get(text) ?? `the file with SHA-1 ${text}`))}`;
    case "device.restrict": return "Restrict code execution";
    case "device.unrestrict": return "Lift the restriction of code execution";
    case "device.isolate": return `Isolate the device${text === "" ? "" : ` (${plain(text.toLowerCase())})`}`;
    case "device.release": return "Release the device from isolation";
    default: return plain(what);
  }
}

/** On what it is done, for people. */
export const target = (done: Deed, names: Names): string => readable(done.kind, done.about || names.get(done.target) || done.target);

const ACTIONS: Readonly<Record<string, string>> = {
  begin_alert: "Take up the alert",
  block_indicators: "Block the malicious indicators",
  tag_incident: "Tag the incident",
  comment_incident: "Comment the incident",
  classify_alert: "Classify the alert",
  tag_device: "Tag the device",
};

/** An action of which all effects wait, by its name. */
export const action = (name: string): string => ACTIONS[name] ?? plain(name.replaceAll("_", " "));

const CONSEQUENCES: Readonly<Record<string, string>> = {
  "device.collect": "Defender gathers the device's logs and state; its user notices nothing.",
  "device.scan": "Defender's antivirus looks through the device.",
  "file.quarantine": "The file's processes are stopped and the file is taken away. From here that cannot be undone.",
  "device.restrict": "Only what Microsoft signed may start on the device.",
  "device.isolate": "The device loses its network, but for Defender itself.",
  "device.release": "The device gets its network back.",
  "indicator.delete": "Defender lets it through again, unless another case needs the block.",
};

/** What follows for those who work there; nothing where the name says it. */
export const consequence = (what: string): string => CONSEQUENCES[what] ?? "";

export const DECISIONS: Readonly<Record<Decision, { readonly verb: string; readonly doing: string; readonly done: string }>> = {
  approve: { verb: "Approve", doing: "Approving…", done: "approved" },
  reject: { verb: "Reject", doing: "Rejecting…", done: "rejected" },
  undo: { verb: "Undo", doing: "Undoing…", done: "to be undone" },
};
