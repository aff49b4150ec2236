/** Rules that a reviewer would otherwise have to remember. */

import { expect, test } from "vitest";

const sources = Object.entries(
  import.meta.glob<string>(["./**/*.ts", "!./**/*.test.ts"], { query: "?raw", import: "default", eager: true }),
);

test("there is something to check", () => expect(sources.length).toBeGreaterThan(40));

test.each(sources)("%s writes text, never markup", (_, source) => {
  expect(source).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|setHTML|DOMParser|cssText/);
  expect(source).not.toMatch(/\beval\(|new Function\(/);
});

// The name of a language, and where a person may go: nothing asks there.
const NAMES = [
  "http://www.w3.org/2000/svg", "https://attack.mitre.org/techniques/",
  "https://www.virustotal.com/gui/", "https://www.abuseipdb.com/check/",
];

test.each(sources)("%s asks nobody but its own server", (_, source) => {
  expect(NAMES.reduce((text, name) => text.replaceAll(name, ""), source)).not.toMatch(/https?:\/\//);
});
