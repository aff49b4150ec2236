/** What is done on devices, in its order, and what a person is asked. */

import type { Confirmation } from "../confirm.ts";
import { el } from "../dom.ts";
import { badge, isolated, moment, type Word } from "../pieces.ts";
import { plain } from "../text.ts";
import type { Case, Decision, Response } from "./api.ts";
import { chosen, namesOf, undoableResponses, waiting, type Choice, type Question } from "./decisions.ts";
import { deed, DECISIONS, target, turn, type Names } from "./words.ts";

export type Ask = (question: Question) => void;

const ENDED = new Set(["succeeded", "needless", "failed", "rejected"]);

/** What is decided about here and now. */
export interface Deciding {
  readonly pending: ReadonlyMap<string, Decision>;
  readonly open: Confirmation<Question> | null;
  readonly ask: Ask;
}

export function responses(one: Case, deciding: Deciding): HTMLElement[] {
  const [names, undoable] = [namesOf(one), undoableResponses(one)];
  const waits = waiting(one).filter(({ key }) => !deciding.pending.has(key));
  const known = new Set(one.responses.map(({ key }) => key));
  const actions = waiting(one).filter(({ key }) => !known.has(key)).map((choice) => action(choice, deciding));
  const rows = one.responses.map((response) => row(response, names, one.asked.includes(response.key), undoable, deciding));
  if (actions.length + rows.length === 0) return [el("p", { class: "facts" }, "None.")];
  return [...together(waits, deciding), el("ol", { class: "deeds" }, ...actions, ...rows)];
}

/** Buttons for all that waits; each is decided by its key, so nothing that nobody has seen is. */
function together(waits: readonly Choice[], { ask, open }: Deciding): HTMLElement[] {
  if (waits.length < 2) return [];
  const buttons = (["approve", "reject"] as const).map((what) => button(what, waits, `${what} all`, ask, `${DECISIONS[what].verb} all ${waits.length}`));
  return [el("p", { class: "together" }, ...buttons), ...form(open, ["approve all", "reject all"])];
}

function action(choice: Choice, deciding: Deciding): HTMLElement {
  const { key, name } = choice;
  return el("li", { "data-key": key }, el("div", { class: "deed" }, el("strong", {}, name), standing(key, turn("asked"), deciding), el("span", { class: "when" }), choose(choice, deciding)),
    ...form(deciding.open, [`approve ${key}`, `reject ${key}`]));
}

function row(one: Response, names: Names, asked: boolean, undoable: ReadonlySet<string>, deciding: Deciding): HTMLElement {
  const { key, effect, detail, since } = one;
  const choice = chosen(key, effect, names);
  const buttons = asked ? choose(choice, deciding) : undoable.has(key) ? undo(choice, deciding) : "";
  const where = el("span", { class: "where" }, "on ", isolated(target(effect, names)));
  return el("li", { "data-key": key },
    el("div", { class: "deed" }, el("strong", {}, isolated(deed(effect, names))), where, standing(key, turn(one.turn), deciding), el("span", { class: "small when" }, ENDED.has(one.turn) ? "" : "since ", moment(since)), buttons),
    ...(detail === "" ? [] : [el("p", { class: "facts" }, isolated(plain(detail)))]),
    ...form(deciding.open, [`approve ${key}`, `reject ${key}`, `undo ${key}`]));
}

/** Where a response stands; a decision that has not happened yet is told of in its place. */
export function standing(key: string, word: Word, { pending }: Deciding): HTMLElement {
  const decided = pending.get(key);
  return badge(decided === undefined ? word : { word: `${DECISIONS[decided].done}, not yet taken up`, tone: "" });
}

function choose(choice: Choice, { pending, ask }: Deciding): HTMLElement | string {
  if (pending.has(choice.key)) return "";
  return el("span", { class: "choose" }, ...(["approve", "reject"] as const).map((what) => button(what, [choice], `${what} ${choice.key}`, ask)));
}

export function undo(choice: Choice, { pending, ask }: Deciding): HTMLElement | string {
  return pending.has(choice.key) ? "" : el("span", { class: "choose" }, button("undo", [choice], `undo ${choice.key}`, ask));
}

export function button(what: Decision, choices: readonly Choice[], place: string, ask: Ask, label = DECISIONS[what].verb): HTMLElement {
  const about = choices.length === 1 ? `${label}: ${choices[0].name}` : label;
  const made = el("button", { type: "button", class: what, "data-focus": place, "aria-label": about }, label);
  made.addEventListener("click", () => ask({ what, choices, place }));
  return made;
}

export const form = (open: Deciding["open"], places: readonly string[]): HTMLElement[] =>
  open !== null && places.includes(open.question.place) ? [open.form] : [];
