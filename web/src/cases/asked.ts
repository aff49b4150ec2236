/** What a person is asked before a decision about a case, in words. */

import type { Wording } from "../confirm.ts";
import { el } from "../dom.ts";
import type { Question } from "./decisions.ts";
import { consequence, DECISIONS } from "./words.ts";

export function asked(question: Question): Wording {
  const { what, choices } = question;
  const { verb, doing } = DECISIONS[what];
  return { verb: `${verb}${choices.length > 1 ? ` ${choices.length}` : ""}`, doing, strong: what !== "reject", says: says(question) };
}

function says({ what, choices }: Question): HTMLElement[] {
  const { verb } = DECISIONS[what];
  const [only] = choices;
  if (choices.length > 1) {
    return [el("p", {}, el("strong", {}, `${verb} all of these?`)),
      el("ul", {}, ...choices.map(({ name }) => el("li", {}, el("bdi", {}, name))))];
  }
  const follows = what === "reject" ? "It will never happen for this case." : consequence(what === "undo" ? (only.deed?.undo ?? "") : (only.deed?.do ?? ""));
  return [el("p", {}, el("strong", {}, `${verb}: `), el("bdi", {}, only.name), "?"), ...(follows === "" ? [] : [el("p", { class: "facts" }, follows)])];
}
