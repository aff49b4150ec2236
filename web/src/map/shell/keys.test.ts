import { expect, test } from "vitest";
import { KEYS, keyName } from "./keys.ts";
import gestures from "../draw/gestures.ts?raw";

const listed = Object.values(KEYS).flat().flatMap(({ keys }) => keys);

test("every key that moves the map is in the help", () => {
  const meant = [...gestures.matchAll(/^ {4}"?([^\s":]+)"?: \(\) => on\./gm)].map(([, key]) => key);
  expect(meant).toContain("ArrowLeft");
  expect(meant.filter((key) => key !== "=" && !listed.includes(key))).toEqual([]); // = is + without Shift
});

test("in one place a key stands for one thing", () => {
  for (const keys of Object.values(KEYS)) {
    const all = keys.flatMap((one) => one.keys);
    expect(new Set(all).size).toBe(all.length);
  }
  expect(listed.map(keyName)).toContain("Space");
});
