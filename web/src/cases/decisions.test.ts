import { expect, test } from "vitest";
import type { Case, Deed, Effect, Response } from "./api.ts";
import { namesOf, Pending, undoableEffects, undoableResponses, waiting } from "./decisions.ts";
import { deed, stage, target } from "./words.ts";

const isolate: Deed = { do: "device.isolate", kind: null, target: "4f", text: "Full", undo: "device.release", about: "desk-1.corp.example" };
const release: Deed = { ...isolate, do: "device.release", undo: null };
const block: Deed = { do: "indicator.block", kind: "domain", target: "c2.loader.example", text: "", undo: "indicator.delete" };

const response = (effect: Deed, turn: string): Response => ({ key: `${effect.do}:1`, effect, turn, since: "2026-11-21T10:00:00Z", detail: "" });
const effect = (odd: Partial<Effect> = {}): Effect => ({ ...block, key: "indicator.block:1", done: "2026-11-21T10:00:00Z", result: "indicator 5", ...odd });

function found(odd: Partial<Case>): Case {
  return {
    id: "da1_1", opened: "2026-11-21T10:00:00Z", stage: "done", reason: null, alert: null, artefacts: [], entered: [],
    responses: [], revoked: [], effects: [], asked: [], notes: [], ...odd,
  };
}

test("what waits has a name, be it a response or a whole action", () => {
  const one = found({ asked: ["block_indicators", "device.isolate:1", "new_action"], responses: [response(isolate, "asked")] });
  expect(waiting(one).map(({ name }) => name)).toEqual([
    "Block the malicious indicators", "Isolate the device (full) on desk-1.corp.example", "new action",
  ]);
});

test("a quarantine names its file, if the case knows it", () => {
  const quarantine: Deed = { do: "file.quarantine", kind: null, target: "4f", text: "aa", undo: null, about: "desk-1" };
  expect(deed(quarantine, new Map([["aa", "C:\\Users\\alex\\in\u202evoice.exe"]]))).toBe("Quarantine in[U+202E]voice.exe");
  expect(deed(quarantine, new Map())).toBe("Quarantine the file with SHA-1 aa");
});

test("a device has the name that the case knows", () => {
  const device = { id: "4f", name: "desk-1.corp.example", os: "", group: "", tags: [] };
  const alert = { title: "", severity: "", source: "", category: "", family: "", incident: null, device };
  const tag: Deed = { do: "device.tag", kind: null, target: "4f", text: "VMRay malicious", undo: "device.untag" };
  expect(target(tag, namesOf(found({ alert })))).toBe("desk-1.corp.example");
  expect(target(tag, namesOf(found({})))).toBe("4f");
});

test("targets are defanged, devices are not", () => {
  expect(target(block, new Map())).toBe("c2[.]loader[.]example");
  expect(target(isolate, new Map())).toBe("desk-1.corp.example");
});

test("a word of tomorrow is shown as it stands", () => expect(stage("hold_on")).toEqual({ word: "hold on", tone: "" }));

test.each([
  ["what is done", [response(isolate, "succeeded")], ["device.isolate:1"]],
  ["what goes on is stopped", [response(isolate, "running")], ["device.isolate:1"]],
  ["not what was so already", [response(isolate, "needless")], []],
  ["not what nothing takes back", [response({ ...isolate, undo: null }, "succeeded")], []],
  ["not twice", [response(isolate, "succeeded"), response(release, "asked")], []],
  ["but again after a no", [response(isolate, "succeeded"), response(release, "rejected")], ["device.isolate:1"]],
  ["another device's is another", [response(isolate, "succeeded"), response({ ...release, target: "5a" }, "succeeded")], ["device.isolate:1"]],
])("responses that can be undone: %s", (_, responses, keys) => {
  expect([...undoableResponses(found({ responses }))]).toEqual(keys);
});

test.each([
  ["what is done", effect(), [], ["indicator.block:1"]],
  ["not what is yet to come", effect({ done: null, result: "" }), [], []],
  ["not what was refused", effect({ result: "refused: no slot" }), [], []],
  ["not what is taken back", effect(), [{ ...block, about: "" }], []],
  ["not what stays for good", effect({ undo: null }), [], []],
])("effects that can be undone: %s", (_, one, revoked, keys) => {
  expect([...undoableEffects(found({ effects: [one], revoked }))]).toEqual(keys);
});

test("a decision is pending until the case shows it", () => {
  const pending = new Pending();
  pending.add("da1_1", "device.isolate:1", "approve");
  pending.add("da1_1", "indicator.block:1", "undo");
  pending.seen(found({ asked: ["device.isolate:1"], effects: [effect()] }));
  expect([...pending.of("da1_1")]).toEqual([["device.isolate:1", "approve"], ["indicator.block:1", "undo"]]);
  pending.seen(found({ effects: [effect()], revoked: [block] }));
  expect(pending.of("da1_1").size).toBe(0);
  expect(pending.of("another").size).toBe(0);
});
