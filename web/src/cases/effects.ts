/** What is written into the tenant's records, and how it ended. */

import { el } from "../dom.ts";
import { folded, isolated, moment, type Word } from "../pieces.ts";
import { lined, plain } from "../text.ts";
import type { Case, Effect } from "./api.ts";
import { chosen, namesOf, isRevoked, undoableEffects, type Choice } from "./decisions.ts";
import { button, form, standing, undo, type Deciding } from "./responses.ts";
import { deed, target, type Names } from "./words.ts";

const SHOWN = 12;

export function effects(one: Case, deciding: Deciding): HTMLElement[] {
  if (one.effects.length === 0) return [el("p", { class: "facts" }, "None yet.")];
  const [names, undoable] = [namesOf(one), undoableEffects(one)];
  const choices = one.effects.filter(({ key }) => undoable.has(key) && !deciding.pending.has(key)).map((effect) => chosen(effect.key, effect, names));
  const rows = one.effects.map((effect) => row(effect, names, undoable.has(effect.key), isRevoked(effect, one), deciding));
  return [...together(choices, deciding), ...folded(rows, SHOWN, "effects", (some) => el("ul", { class: "deeds" }, ...some))];
}

function together(choices: readonly Choice[], { ask, open }: Deciding): HTMLElement[] {
  if (choices.length < 2) return [];
  return [el("p", { class: "together" }, button("undo", choices, "undo all", ask, `Undo all ${choices.length}`)), ...form(open, ["undo all"])];
}

function row(one: Effect, names: Names, undoable: boolean, revoked: boolean, deciding: Deciding): HTMLElement {
  const ended = el("span", { class: "small when" }, ...(one.done === null ? [] : [moment(one.done)]));
  const where = isComment(one) ? "" : el("code", { class: "where" }, isolated(target(one, names)));
  return el("li", { "data-key": one.key },
    el("div", { class: "deed" }, el("strong", {}, isolated(deed(one, names))), where, standing(one.key, result(one, revoked), deciding), ended,
      undoable ? undo(chosen(one.key, one, names), deciding) : ""),
    ...said(one), ...form(deciding.open, [`undo ${one.key}`]));
}

const isComment = ({ do: what }: Effect): boolean => what.endsWith(".comment");

function result({ done, result: text }: Effect, revoked: boolean): Word {
  if (done === null) return { word: "not yet", tone: "" };
  if (revoked) return { word: "taken back", tone: "" };
  return { word: plain(text) || "done", tone: text.startsWith("refused") ? "bad" : "fresh" };
}

/** The text of a comment, which is long. Its addresses were defanged when it was written. */
const said = (one: Effect): HTMLElement[] =>
  isComment(one) && one.text !== ""
    ? [el("details", { "data-keep": `text ${one.key}` }, el("summary", { "data-focus": `text ${one.key}` }, "What it says"), el("p", { class: "said", dir: "auto" }, lined(one.text)))]
    : [];
