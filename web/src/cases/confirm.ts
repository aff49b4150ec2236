/** The question before a decision, in its place: who decides, and whether really. */

import { el } from "../dom.ts";
import type { Decision } from "./api.ts";
import type { Choice } from "./decisions.ts";
import { remember, remembered } from "./remember.ts";
import { consequence, DECISIONS } from "./words.ts";

export interface Question {
  readonly what: Decision;
  readonly choices: readonly Choice[];
  /** Names the button that asked it, beside which it stands. */
  readonly place: string;
}

/** Decides, and returns what went wrong, if anything did. */
export type Decide = (question: Question, by: string) => Promise<string | null>;

export class Confirmation {
  readonly question: Question;
  readonly form: HTMLFormElement;
  readonly #name = el("input", { name: "by", required: true, maxlength: 100, autocomplete: "name", "data-focus": "by", value: remembered("by") });
  readonly #yes: HTMLButtonElement;
  readonly #trouble = el("p", { class: "trouble", role: "alert" });
  readonly #decide: Decide;
  readonly #closed: () => void;
  #busy = false;

  constructor(question: Question, decide: Decide, closed: () => void) {
    [this.question, this.#decide, this.#closed] = [question, decide, closed];
    this.#yes = el("button", { type: "submit", class: question.what === "reject" ? "" : "strong" }, this.#label());
    this.form = el("form", { class: "confirm", "aria-label": this.#label() }, ...asked(question),
      el("p", { class: "answer" }, el("label", {}, "Your name ", this.#name), this.#yes, this.#no()), this.#trouble);
    this.form.addEventListener("submit", (event) => void this.#submit(event));
    this.form.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.#close();
    });
  }

  /** Whether the server is being asked right now. */
  get busy(): boolean {
    return this.#busy;
  }

  focus(): void {
    this.#name.focus();
    this.#name.select();
    this.form.scrollIntoView({ block: "nearest" });
  }

  #label(): string {
    const { what, choices } = this.question;
    return `${DECISIONS[what].verb}${choices.length > 1 ? ` ${choices.length}` : ""}`;
  }

  #no(): HTMLButtonElement {
    const no = el("button", { type: "button" }, "Cancel");
    no.addEventListener("click", () => this.#close());
    return no;
  }

  #close(): void {
    if (!this.#busy) this.#closed();
  }

  async #submit(event: Event): Promise<void> {
    event.preventDefault();
    const by = this.#name.value.trim();
    if (by === "" || this.#busy) return;
    remember("by", by);
    this.#working(true);
    const trouble = await this.#decide(this.question, by);
    this.#working(false);
    if (trouble === null) this.#closed();
    else this.#trouble.textContent = trouble;
  }

  #working(is: boolean): void {
    this.#busy = is;
    this.#trouble.textContent = "";
    this.#yes.textContent = is ? DECISIONS[this.question.what].doing : this.#label();
    this.#yes.setAttribute("aria-disabled", String(is));
  }
}

function asked({ what, choices }: Question): HTMLElement[] {
  const { verb } = DECISIONS[what];
  const [only] = choices;
  if (choices.length > 1) {
    return [el("p", {}, el("strong", {}, `${verb} all of these?`)),
      el("ul", {}, ...choices.map(({ name }) => el("li", {}, el("bdi", {}, name))))];
  }
  const follows = what === "reject" ? "It will never happen for this case." : consequence(what === "undo" ? (only.deed?.undo ?? "") : (only.deed?.do ?? ""));
  return [el("p", {}, el("strong", {}, `${verb}: `), el("bdi", {}, only.name), "?"), ...(follows === "" ? [] : [el("p", { class: "facts" }, follows)])];
}
