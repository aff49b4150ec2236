/** One indicator, explained: every term of its score, who says what of it, who holds it, and an analyst's word. */

import { Asking, type Answer } from "../confirm.ts";
import { el, part } from "../dom.ts";
import { percent } from "../feeds/figures.ts";
import * as format from "../format.ts";
import { Part } from "../part.ts";
import { badge, facts, isolated, moment, report, texts, type Piece } from "../pieces.ts";
import { isCalledOff, sentence } from "../server.ts";
import { plain, readable } from "../text.ts";
import { fetchHolds, fetchKnown, mark, type Hold, type Word } from "./api.ts";
import { filled } from "./charts.ts";
import type { Known, Marked, Said, Target, Term } from "./contract.ts";
import { shown } from "./figures.ts";
import { kind, reason, source, worded, type Question } from "./words.ts";

/** What was found: `known` is null where nobody ever reported it. */
interface Found {
  readonly asked: string;
  readonly known: Known | null;
  readonly holds: readonly Hold[];
}

export class Explain {
  readonly #host = part("explained");
  readonly #content = new Part(this.#host);
  readonly #asking: Asking<Question>;
  readonly #decided: (text: string) => void;
  #wanted: string | null = null;
  #found: Found | null = null;
  #asked: AbortController | null = null;

  /** `decided` is told in a sentence what an analyst said. */
  constructor(decided: (text: string) => void) {
    this.#decided = decided;
    this.#asking = new Asking(this.#host, worded, (question, answer) => this.#mark(question, answer), () => this.#draw());
  }

  /** Explains another value; nothing where there is none. */
  async open(value: string | null, targets: readonly Target[]): Promise<void> {
    if (value !== this.#wanted) {
      [this.#wanted, this.#found] = [value, null];
      this.#asking.forget();
      this.#complain("");
      this.#draw();
    }
    await this.again(targets);
  }

  /** Asks anew of what is explained. What is shown stays if there is no answer. */
  async again(targets: readonly Target[]): Promise<void> {
    const value = this.#wanted;
    this.#asked?.abort();
    if (value === null) return;
    const asking = new AbortController();
    this.#asked = asking;
    try {
      const found = await find(value, targets, asking.signal);
      if (asking.signal.aborted) return;
      this.#found = found;
      this.#complain("");
      this.#draw();
    } catch (error) {
      if (isCalledOff(error) || asking.signal.aborted) return;
      this.#complain(`${this.#found === null ? "It cannot be explained" : "What is shown may be old"}: ${sentence(error)}.`);
    }
  }

  async #mark(question: Question, { by, why }: Answer): Promise<string | null> {
    if (question.what !== "mark") return null;
    const trouble = await mark(question.value, question.word, why, by).then(() => null, sentence);
    if (trouble !== null) return `${trouble}.`;
    this.#decided(`${question.read}: marked as ${question.word}.`);
    return null;
  }

  #complain(text: string): void {
    if (part("explain-trouble").textContent !== text) part("explain-trouble").textContent = text;
    if (text !== "" && this.#found === null) this.#content.show(null, () => []);
  }

  #draw(): void {
    const [found, open] = [this.#found, this.#asking.open];
    this.#host.hidden = this.#wanted === null;
    if (found === null) this.#content.show(["reading", this.#wanted], () => [el("p", { class: "facts" }, "Looking it up…")]);
    else this.#content.show([found, open?.question ?? null], () => this.#all(found));
  }

  #all(found: Found): HTMLElement[] {
    const { asked, known, holds } = found;
    const [value, read] = known === null ? [asked, plain(asked)] : [known.value, known.defanged === "" ? readable(known.kind, known.value) : plain(known.defanged)];
    const marks = el("p", { class: "marks" }, ...(["malicious", "harmless"] as const).map((word) => this.#button(word, value, read)));
    const open = this.#asking.open;
    const first = el("div", {}, ...head(known, read), ...(known === null ? [] : holding(holds)), marks, ...(open === null ? [] : [open.form]));
    return known === null ? [first] : [first, el("div", {}, ...score(known)), el("div", { class: "wide" }, ...said(known))];
  }

  #button(word: Word, value: string, read: string): HTMLElement {
    const question: Question = { place: `mark ${word}`, what: "mark", word, value, read };
    const button = el("button", { type: "button", "data-focus": question.place }, `Mark as ${word}…`);
    button.addEventListener("click", () => this.#asking.ask(question));
    return button;
  }
}

async function find(value: string, targets: readonly Target[], signal: AbortSignal): Promise<Found> {
  const known = await fetchKnown(value, signal);
  return { asked: value, known, holds: known === null ? [] : await fetchHolds(known, targets, signal) };
}

function head(known: Known | null, read: string): HTMLElement[] {
  const title = el("h3", {}, el("code", {}, isolated(read)));
  if (known === null) return [title, el("p", {}, "Nobody has ever reported it.")];
  const never = known.never === null ? badge({ word: "may be enforced", tone: "fresh" }) : badge({ word: "never enforced", tone: "warn" });
  const { marked } = known;
  const word = marked === null ? [] : [badge({ word: `marked as ${plain(marked.word)}`, tone: marked.word === "malicious" ? "bad" : "fresh" })];
  return [title, el("p", { class: "badges" }, badge({ word: kind(known.kind), tone: "" }), ...word, never),
    facts(["Analyst", ...(marked === null ? [] : spoken(marked))], ["Hygiene", known.never === null ? "has nothing against it" : isolated(reason(known.never))], ["Where", known.place === "" ? "" : isolated(plain(known.place))],
      ["Stands for", ...(known.lifted === null ? [] : [`${format.count(known.lifted.urls)} URLs on it, by whose score: `, isolated(plain(known.lifted.sources.join(", ")))])],
      ["Published", ...(known.published === null ? [] : ["in lists since ", moment(known.published)])])];
}

const spoken = ({ because, by, at, expires }: Marked): Piece[] => [
  isolated(plain(because)), ...(by === "" ? [] : [", by ", isolated(plain(by))]), ...(at === null ? [] : [", ", moment(at)]),
  ...(expires === null ? [] : [", until ", moment(expires)]),
];

function score({ score: sum, terms, lifted }: Known): HTMLElement[] {
  const title = el("h4", {}, `Score ${sum === null ? "–" : shown(sum)} `, el("span", { class: "small" }, "of 100"));
  const nobody = lifted === null ? "No source says anything of it now." : "It has the score of the URLs on it.";
  if (terms.length === 0) return [title, filled((sum ?? 0) / 100, "whole"), el("p", { class: "facts" }, nobody)];
  const heads = ["Source", "Weight", "Reliability", "Confidence", "Age", "Left by age"].map((name) => el("th", { scope: "col" }, name));
  const table = el("table", { class: "terms" }, el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...terms.map(line)));
  return [title, filled((sum ?? 0) / 100, "whole"), scrolled("Terms of the score", table),
    el("p", { class: "facts" }, "A source’s weight is its reliability, times its own confidence, times what age has left of it. Weights of independent sources add up towards 100; those that copy each other count once.")];
}

function line(term: Term): HTMLElement {
  const reliability = [term.grade === "" ? "" : `grade ${plain(term.grade)}`, term.precision === null ? "" : `${percent(term.precision)} right`].filter(Boolean).join(", ");
  const copies = term.copies.length === 0 ? "" : `copies ${term.copies.map(source).join(", ")}`;
  const said = term.uncounted === "" ? copies : `not counted: ${plain(term.uncounted)}`;
  return el("tr", { class: term.uncounted === "" ? "" : "uncounted" },
    el("th", { scope: "row" }, isolated(source(term.source) || "–"), ...(said === "" ? [] : [note(said)])),
    el("td", {}, shown(term.weight), share(term.weight, 1)), el("td", {}, shown(term.reliability), share(term.reliability, 1), ...(reliability === "" ? [] : [note(reliability)])),
    el("td", {}, shown(term.confidence), share(term.confidence, 100)), el("td", {}, term.days === null ? "–" : `${shown(term.days, 1)} d`),
    el("td", {}, shown(term.decay), share(term.decay, 1)));
}

const share = (value: number | null, full: number): Piece => (value === null ? "" : filled(value / full));
const note = (text: string): HTMLElement => el("span", { class: "small note" }, isolated(text));

function holding(holds: readonly Hold[]): HTMLElement[] {
  const items = holds.map(({ target, title, held, trouble }) => {
    const told: Piece[] = trouble !== null ? [el("span", { class: "trouble" }, `cannot be asked: ${trouble}`)]
      : held === null ? ["does not hold it"]
      : [badge({ word: plain(held.action) || "held", tone: "fresh" }), ...times(held.since, held.expires)];
    return el("li", { "data-holder": target }, el("strong", {}, isolated(plain(title))), " ", ...told);
  });
  return [el("h4", {}, "Which targets hold it"), items.length === 0 ? el("p", { class: "facts" }, "The targets are not known.") : el("ul", { class: "holds" }, ...items)];
}

const times = (since: string | null, expires: string | null): Piece[] =>
  [...(since === null ? [] : [" since ", moment(since)]), ...(expires === null ? [] : [", expires ", moment(expires)])];

function said({ sightings, expired, suppressed }: Known): HTMLElement[] {
  return [el("h4", {}, "Who says so"), sightings.length === 0 ? el("p", { class: "facts" }, "Nobody, now.") : list(sightings),
    ...more("past", "no longer say so", expired), ...more("withheld", "do not count", suppressed)];
}

const more = (keep: string, name: string, some: readonly Said[]): HTMLElement[] =>
  some.length === 0 ? [] : [el("details", { "data-keep": keep }, el("summary", { "data-focus": keep }, `${format.count(some.length)} ${name}`), list(some))];

const list = (some: readonly Said[]): HTMLElement => el("ul", { class: "said" }, ...some.map(saying));

function saying(one: Said): HTMLElement {
  const confidence = one.confidence === null ? [] : [el("span", { class: "small" }, `confidence ${shown(one.confidence)}`)];
  const when = (iso: string | null): Piece => (iso === null ? "" : moment(iso));
  return el("li", {}, el("p", { class: "deed" }, el("strong", {}, isolated(source(one.source))), isolated(plain(one.threat)), ...confidence),
    ...(one.why === "" ? [] : [el("p", { class: "trouble" }, isolated(reason(one.why)))]),
    facts(["Seen", when(one.first), one.last === null || one.last === one.first ? "" : " to ", one.last === one.first ? "" : when(one.last)], ["Holds until", when(one.expires)],
      ["Tags", ...texts(one.tags)], ["Reference", ...report(one.reference)], ["Marking", one.tlp === "" ? "" : plain(one.tlp)]));
}

const scrolled = (name: string, content: HTMLElement): HTMLElement =>
  el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": name }, content);
