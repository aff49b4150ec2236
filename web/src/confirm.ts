/** The question before a decision, in its place: who decides, why, and whether really. */

import { el } from "./dom.ts";
import { remember, remembered } from "./remember.ts";

/** `place` names the button that asked, by its `data-focus`; the question stands beside it. */
interface Placed {
  readonly place: string;
}

export interface Wording {
  /** What the button says, before and while it happens. */
  readonly verb: string;
  readonly doing: string;
  /** Whether it is what most would choose. */
  readonly strong: boolean;
  /** What is asked, and what follows. */
  readonly says: readonly HTMLElement[];
  /** What the reason is called; without it none is asked for. */
  readonly reason?: string;
}

export interface Answer {
  readonly by: string;
  readonly why: string;
}

/** Decides, and returns what went wrong, if anything did. */
export type Decide<Q> = (question: Q, answer: Answer) => Promise<string | null>;

const MOST_REASON = 500;

export class Confirmation<Q extends Placed> {
  readonly question: Q;
  readonly form: HTMLFormElement;
  readonly #wording: Wording;
  readonly #name = el("input", { name: "by", required: true, maxlength: 100, autocomplete: "name", "data-focus": "by", value: remembered("by") });
  readonly #reason = el("input", { name: "why", required: true, maxlength: MOST_REASON, autocomplete: "off", "data-focus": "why" });
  readonly #yes: HTMLButtonElement;
  readonly #trouble = el("p", { class: "trouble", role: "alert" });
  readonly #decide: Decide<Q>;
  readonly #closed: () => void;
  #busy = false;

  constructor(question: Q, wording: Wording, decide: Decide<Q>, closed: () => void) {
    [this.question, this.#wording, this.#decide, this.#closed] = [question, wording, decide, closed];
    this.#yes = el("button", { type: "submit", class: wording.strong ? "strong" : "" }, wording.verb);
    const reason = wording.reason === undefined ? [] : [el("p", { class: "answer" }, el("label", {}, `${wording.reason} `, this.#reason))];
    this.form = el("form", { class: "confirm", "aria-label": wording.verb }, ...wording.says, ...reason,
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

  /** Whether it tells of something that went wrong. */
  get troubled(): boolean {
    return this.#trouble.textContent !== "";
  }

  focus(): void {
    const first = this.#wording.reason === undefined ? this.#name : this.#reason;
    first.focus();
    first.select();
    this.form.scrollIntoView({ block: "nearest" });
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
    const [by, why] = [this.#name.value.trim(), this.#reason.value.trim()];
    const empty = by === "" ? this.#name : this.#wording.reason !== undefined && why === "" ? this.#reason : null;
    empty?.focus();
    if (empty !== null || this.#busy) return;
    remember("by", by);
    this.#working(true);
    const trouble = await this.#decide(this.question, { by, why });
    this.#working(false);
    if (trouble === null) this.#closed();
    else this.#trouble.textContent = trouble;
  }

  #working(is: boolean): void {
    this.#busy = is;
    this.#trouble.textContent = "";
    this.#yes.textContent = is ? this.#wording.doing : this.#wording.verb;
    this.#yes.setAttribute("aria-disabled", String(is));
  }
}

/** The one question that is open within a part of the page, if any is. */
export class Asking<Q extends Placed> {
  readonly #host: HTMLElement;
  readonly #word: (question: Q) => Wording;
  readonly #decide: Decide<Q>;
  readonly #changed: () => void;
  #open: Confirmation<Q> | null = null;

  /** `changed` is told that a question came or went, and shows the page so. */
  constructor(host: HTMLElement, word: (question: Q) => Wording, decide: Decide<Q>, changed: () => void) {
    [this.#host, this.#word, this.#decide, this.#changed] = [host, word, decide, changed];
  }

  get open(): Confirmation<Q> | null {
    return this.#open;
  }

  ask(question: Q): void {
    if (this.#open?.question.place === question.place || this.#open?.busy) {
      this.#open.focus();
      return;
    }
    const asked: Confirmation<Q> = new Confirmation(question, this.#word(question), this.#decide, () => this.#close(asked));
    this.#open = asked;
    this.#changed();
    asked.focus();
  }

  forget(): void {
    this.#open = null;
  }

  /** Drops the question unless there is still something to decide; whether it did. */
  withdraw(still: (question: Q) => boolean): boolean {
    if (this.#open === null || this.#open.busy || still(this.#open.question)) return false;
    this.#open = null;
    return true;
  }

  #close(asked: Confirmation<Q>): void {
    if (this.#open !== asked) return; // something else is shown by now
    const inside = asked.form.contains(document.activeElement);
    this.#open = null;
    this.#changed();
    const buttons = [...this.#host.querySelectorAll<HTMLElement>("[data-focus]")];
    if (inside) buttons.find((one) => one.dataset["focus"] === asked.question.place)?.focus();
  }
}
