import { expect, test } from "vitest";
import * as format from "./format.ts";

const moment = Date.UTC(2026, 10, 21, 3, 29, 12);

test("moments are UTC wherever the analyst sits", () => {
  expect(format.minute(moment)).toBe("2026-11-21 03:29");
  expect(format.clock(moment)).toBe("03:29:12");
  expect(format.day(moment)).toBe("21 Nov");
});

test.each([
  [0, "0 s"], [59_000, "59 s"], [60_000, "1 min"], [3_660_000, "1 h 1 min"],
  [3 * 86_400_000 + 5_000, "3 d 5 s"], [-5_000, "0 s"],
])("%i ms last %s", (milliseconds, text) => expect(format.span(milliseconds)).toBe(text));

test("ages name one unit", () => {
  expect(format.ago(200)).toBe("just now");
  expect(format.ago(90_000)).toBe("1 min ago");
});

test("counts and places", () => {
  expect(format.rows(1)).toBe("1 row");
  expect(format.rows(12_345)).toBe("12,345 rows");
  expect(format.place(-53.04, 10.96)).toBe("11.0° N, 53.0° W");
});
