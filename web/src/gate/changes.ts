/** What came in, what went out, and why: the newest first, and as far back as somebody asks. */

import { el, part } from "../dom.ts";
import * as format from "../format.ts";
import { Part } from "../part.ts";
import { badge, isolated, moment } from "../pieces.ts";
import { sentence } from "../server.ts";
import { plain, readable } from "../text.ts";
import { fetchChanges } from "./api.ts";
import type { Change, Changes as Page, Target } from "./contract.ts";
import { filtered, isFailed, isPending, renewed, shortened, shown } from "./figures.ts";
import { deed, failed, kind, pending, SORTS } from "./words.ts";

const HEADS = ["When", "Change", "Score", "Indicator", "Why"];

/** Enough lines of the chosen sort, before somebody has to ask for more. */
const ENOUGH = 20;
const PAGES = 10; // that one request for more reads at most, where few are of that sort

export class Changes {
  readonly #target = part<HTMLSelectElement>("changed-target");
  readonly #sort = part<HTMLSelectElement>("changed-sort");
  readonly #more = part<HTMLButtonElement>("more-changes");
  readonly #rows = new Part(part("changes-rows"));
  readonly #targets = new Part(this.#target);
  readonly #explain: (value: string) => void;
  #asking: AbortController | null = null;
  #page: Page | null = null;
  #further = false; // whether older pages than the first have been read

  constructor(explain: (value: string) => void, again: () => void) {
    this.#explain = explain;
    part("changes-heads").append(...HEADS.map((head) => el("th", { scope: "col", role: "columnheader" }, head)));
    this.#sort.append(...SORTS.map(([value, text]) => el("option", { value }, text)));
    this.#sort.addEventListener("change", () => this.#chosen());
    this.#target.addEventListener("change", () => {
      this.#page = null;
      this.#asking?.abort();
      this.#draw();
      again();
    });
    this.#more.addEventListener("click", () => void this.#read());
  }

  /** The targets that there are to choose from. */
  name(targets: readonly Target[]): void {
    const [chosen, named] = [this.#target.value, targets.map(({ name, title }) => [name, plain(title)] as const)];
    this.#targets.show(named, () => named.map(([value, title]) => el("option", { value }, title)));
    this.#target.value = named.some(([name]) => name === chosen) ? chosen : named[0]?.[0] ?? "";
  }

  /** Reads what is new. */
  async ask(signal: AbortSignal): Promise<void> {
    const target = this.#target.value;
    if (target === "") return;
    const fresh = await fetchChanges(target, null, signal);
    if (target !== this.#target.value) return;
    this.#further &&= this.#page !== null;
    this.#page = this.#further && this.#page !== null ? renewed(this.#page, fresh) : fresh;
    this.#draw();
  }

  #chosen(): void {
    this.#draw();
    if (this.#lines().length < ENOUGH && this.#page?.continuation) void this.#read();
  }

  #lines(): readonly Change[] {
    return filtered(this.#page?.items ?? [], this.#sort.value);
  }

  /** Reads older ones, until there are some more lines to see. */
  async #read(): Promise<void> {
    const asking = new AbortController();
    this.#asking?.abort();
    this.#asking = asking;
    this.#busy(true);
    try {
      await this.#readOn(asking.signal);
      this.#complain("");
    } catch (error) {
      if (!asking.signal.aborted) this.#complain(`Older ones cannot be shown: ${sentence(error)}.`);
    }
    if (this.#asking === asking) this.#asking = null;
    this.#busy(this.#asking !== null);
  }

  async #readOn(signal: AbortSignal): Promise<void> {
    const wanted = this.#lines().length + ENOUGH;
    for (let read = 0; read < PAGES && this.#lines().length < wanted && this.#page?.continuation; read++) {
      const { items, continuation } = await fetchChanges(this.#target.value, this.#page.continuation, signal);
      signal.throwIfAborted();
      this.#further = true;
      this.#page = { items: [...this.#page.items, ...items], continuation };
      this.#draw();
    }
  }

  #busy(is: boolean): void {
    this.#more.textContent = is ? "Reading…" : "Show more";
    this.#more.setAttribute("aria-disabled", String(is));
  }

  #complain(text: string): void {
    part("changes-trouble").textContent = text;
  }

  #draw(): void {
    const lines = this.#lines();
    const read = this.#page?.items.length ?? 0;
    this.#rows.show(lines, () => lines.map((one) => this.#row(one)));
    this.#more.hidden = !this.#page?.continuation;
    const of = lines.length === read ? "" : ` of ${format.count(read)}`;
    part("changes-found").textContent = this.#page === null ? "Reading…" : `${format.count(lines.length)}${of} ${read === 1 ? "change" : "changes"}${this.#page.continuation ? "; there are older ones" : ""}`;
    part("changes-table").hidden = lines.length === 0;
    part("changes-none").hidden = lines.length > 0 || this.#page === null;
  }

  #row(one: Change): HTMLElement {
    const cells: [head: string, ...content: (Node | string)[]][] = [
      ["When", one.at === null ? "–" : moment(one.at)],
      ["Change", badge(isFailed(one) ? failed(one.do) : isPending(one) ? pending(one.do) : deed(one.do)), " ", isolated(plain(one.action), "small")],
      ["Score", shown(one.score, 1)], ["Indicator", this.#indicator(one)],
      ["Why", long(one.why), ...(isFailed(one) ? [el("p", { class: "trouble" }, long(one.outcome))] : [])],
    ];
    return el("tr", { role: "row" }, ...cells.map(([head, ...content]) => el("td", { role: "cell", class: head.toLowerCase(), "data-head": head }, ...content)));
  }

  #indicator({ at, kind: of, value, defanged }: Change): HTMLElement {
    const all = defanged === "" ? readable(of, value) : plain(defanged);
    const read = shortened(all) ?? all;
    const button = el("button", { type: "button", class: "value", title: "Explain it", "data-focus": `explain ${at} ${read}` },
      el("span", { class: "small" }, `${kind(of)} `), el("code", {}, isolated(read)));
    button.addEventListener("click", () => this.#explain(value));
    return button;
  }
}

/** A text of others, which unfolds where it is long. */
function long(text: string): Node | string {
  const all = plain(text);
  const short = shortened(all);
  return short === null ? isolated(all) : el("details", { "data-keep": short, class: "long" }, el("summary", { "data-focus": short }, isolated(short)), el("p", {}, isolated(all)));
}
