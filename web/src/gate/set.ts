/** All that a target holds, page by page, of the kind, source and action that somebody chooses. */

import { el, part } from "../dom.ts";
import * as format from "../format.ts";
import { Part } from "../part.ts";
import { isolated, moment, texts } from "../pieces.ts";
import { sentence } from "../server.ts";
import { plain, readable } from "../text.ts";
import { fetchSet, INDICATORS, type Sought } from "./api.ts";
import type { Counts, Held, Page, Target } from "./contract.ts";
import { shortened, shown } from "./figures.ts";
import * as words from "./words.ts";

const HEADS = ["Indicator", "Score", "Action", "Sources", "Threat", "Since", "Expires"];

export class HeldSet {
  readonly #all = part<HTMLDetailsElement>("held");
  readonly #target = new Choice("held-target");
  readonly #kind = new Choice("held-kind");
  readonly #source = new Choice("held-source");
  readonly #action = new Choice("held-action");
  readonly #text = part<HTMLInputElement>("held-text");
  readonly #rows = new Part(part("held-rows"));
  readonly #back = part<HTMLButtonElement>("held-back");
  readonly #on = part<HTMLButtonElement>("held-on");
  readonly #explain: (value: string) => void;
  #targets: readonly Target[] = [];
  #asking: AbortController | null = null;
  #page: Page | null = null;
  #ways: (string | null)[] = [null]; // the continuations up to this page

  constructor(explain: (value: string) => void) {
    this.#explain = explain;
    part("held-heads").append(...HEADS.map((head) => el("th", { scope: "col", role: "columnheader" }, head)));
    this.#all.addEventListener("toggle", () => this.#all.open && this.#page === null && this.#first());
    this.#target.onChange(() => this.#offer());
    part("held-choice").addEventListener("change", () => this.#first());
    part("held-choice").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#first();
    });
    this.#on.addEventListener("click", () => void this.#read([...this.#ways, this.#page?.continuation ?? null]));
    this.#back.addEventListener("click", () => void this.#read(this.#ways.slice(0, -1)));
  }

  /** The targets that there are to choose from, and what is in them. */
  name(targets: readonly Target[]): void {
    this.#targets = targets;
    this.#target.offer(targets.map(({ name, title }) => [name, plain(title)]));
    this.#offer();
  }

  #offer(): void {
    const target = this.#targets.find(({ name }) => name === this.#target.value);
    this.#kind.offer(some("Any kind", target?.kinds ?? [], words.kind));
    this.#source.offer(some("Any source", target?.sources ?? [], words.source));
    this.#action.offer(some("Any action", target?.actions ?? [], plain));
  }

  #first(): void {
    void this.#read([null]);
  }

  /** Reads the page at the end of the way. */
  async #read(ways: (string | null)[]): Promise<void> {
    const sought = this.#sought();
    if (sought.target === "") return;
    const asking = new AbortController();
    this.#asking?.abort();
    this.#asking = asking;
    say("held-found", "Reading…");
    try {
      const page = await fetchSet(sought, ways.at(-1) ?? null, asking.signal);
      if (asking.signal.aborted) return;
      [this.#page, this.#ways] = [page, ways];
      say("held-trouble", "");
    } catch (error) {
      if (asking.signal.aborted) return;
      say("held-trouble", `It cannot be shown: ${sentence(error)}.`);
    }
    this.#draw();
  }

  #sought(): Sought {
    return { target: this.#target.value, kind: this.#kind.value, source: this.#source.value, action: this.#action.value, q: this.#text.value.trim() };
  }

  #draw(): void {
    const items = this.#page?.items ?? [];
    this.#rows.show(items, () => items.map((one) => this.#row(one)));
    part("held-table").hidden = items.length === 0;
    this.#back.hidden = this.#ways.length === 1;
    this.#on.hidden = !this.#page?.continuation;
    say("held-found", this.#page === null ? "" : found(this.#page, (this.#ways.length - 1) * INDICATORS));
  }

  #row(one: Held): HTMLElement {
    const cells: [head: string, ...content: (Node | string)[]][] = [
      ["Indicator", this.#indicator(one)], ["Score", shown(one.score, 1)], ["Action", isolated(plain(one.action))], ["Sources", ...texts(one.sources)],
      ["Threat", isolated(plain(one.threat))], ["Since", ...when(one.since)], ["Expires", ...when(one.expires)],
    ];
    return el("tr", { role: "row" }, ...cells.map(([head, ...content]) => el("td", { role: "cell", class: head.toLowerCase(), "data-head": head }, ...content)));
  }

  #indicator({ id, kind, value, defanged }: Held): HTMLElement {
    const all = defanged === "" ? readable(kind, value) : plain(defanged);
    const button = el("button", { type: "button", class: "value", title: "Explain it", "data-focus": `held ${id}` },
      el("span", { class: "small" }, `${words.kind(kind)} `), el("code", {}, isolated(shortened(all) ?? all)));
    button.addEventListener("click", () => this.#explain(value));
    return button;
  }
}

/** A list to choose from, which keeps the choice through a new list that still has it. */
class Choice {
  readonly #select: HTMLSelectElement;
  readonly #options: Part;

  constructor(id: string) {
    this.#select = part<HTMLSelectElement>(id);
    this.#options = new Part(this.#select);
  }

  get value(): string {
    return this.#select.value;
  }

  onChange(changed: () => void): void {
    this.#select.addEventListener("change", changed);
  }

  offer(options: readonly (readonly [value: string, text: string])[]): void {
    const chosen = this.#select.value;
    this.#options.show(options, () => options.map(([value, text]) => el("option", { value }, text)));
    this.#select.value = options.some(([value]) => value === chosen) ? chosen : options[0]?.[0] ?? "";
  }
}

const some = (any: string, counts: Counts, called: (name: string) => string): (readonly [string, string])[] =>
  [["", any], ...counts.map(([name, count]) => [name, `${called(name)} (${format.count(count)})`] as const)];

const when = (iso: string | null): (Node | string)[] => (iso === null ? ["–"] : [moment(iso)]);

function found({ items, total }: Page, before: number): string {
  if (total === 0) return "Nothing fits.";
  return `${format.count(before + 1)} to ${format.count(before + items.length)} of ${format.count(total)}, the best first`;
}

function say(id: string, text: string): void {
  part(id).textContent = text;
}
