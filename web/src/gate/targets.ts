/** One card for each target: its places, what is in them, how it changes, and what a person may decide. */

import { Asking, type Decide } from "../confirm.ts";
import { el } from "../dom.ts";
import * as format from "../format.ts";
import { Part } from "../part.ts";
import { badge, folded, isolated, moment, type Word } from "../pieces.ts";
import { plain, readable } from "../text.ts";
import { barList, churn, quotaBar, scores } from "./charts.ts";
import type { Drifted, Gate, Run, Target } from "./contract.ts";
import * as words from "./words.ts";
import { worded, type Question } from "./words.ts";

interface Card {
  readonly host: HTMLElement;
  readonly content: Part;
}

export class Targets {
  readonly #host: HTMLElement;
  readonly #asking: Asking<Question>;
  readonly #withdrawn: () => void;
  readonly #cards = new Map<string, Card>();
  #gate: Gate | null = null;

  /** `withdrawn` is told that the page took a question back, because it means nothing any more. */
  constructor(host: HTMLElement, decide: Decide<Question>, withdrawn: () => void) {
    [this.#host, this.#withdrawn] = [host, withdrawn];
    this.#asking = new Asking(host, worded, decide, () => this.#gate && this.#draw(this.#gate));
  }

  show(gate: Gate): void {
    this.#gate = gate;
    const open = this.#asking.open;
    if (open !== null && !open.troubled && this.#asking.withdraw((question) => isOpen(question, gate))) this.#withdrawn();
    this.#draw(gate);
  }

  #draw(gate: Gate): void {
    const names = new Set(gate.targets.map(({ name }) => name));
    for (const [name, { host }] of this.#cards) {
      if (names.has(name)) continue;
      host.remove();
      this.#cards.delete(name);
    }
    gate.targets.forEach((target, at) => this.#place(target, at));
  }

  #place(target: Target, at: number): void {
    const { host, content } = this.#cards.get(target.name) ?? this.#added(target.name);
    const asked = this.#asking.open?.question;
    const mine = asked !== undefined && asked.what !== "mark" && asked.target === target.name ? asked : null;
    content.show([target, mine, ages(target)], () => this.#content(target));
    if (this.#host.children[at] !== host) this.#host.insertBefore(host, this.#host.children[at] ?? null);
  }

  #added(name: string): Card {
    const host = el("article", { class: "card", "data-target": name, tabindex: -1 });
    const card = { host, content: new Part(host) };
    this.#cards.set(name, card);
    return card;
  }

  #content(target: Target): HTMLElement[] {
    return [
      el("header", {}, el("h3", {}, isolated(plain(target.title))), el("p", { class: "badges" }, ...standing(target).map(badge))),
      ...(target.reason === null ? [] : [el("p", { class: "trouble" }, "It could not be read: ", isolated(plain(target.reason)), ".")]),
      ...this.#paused(target), ...quotaBar(target), ...this.#waiting(target), ...this.#last(target), el("div", { class: "charts" }, ...charts(target)), ...drift(target),
    ];
  }

  #waiting({ name, title, waiting: plan }: Target): HTMLElement[] {
    if (plan === null) return [];
    const place = `apply ${name}`;
    const button = this.#button("Approve", `Approve the plan for ${plain(title)}`, "approve", { place, what: "apply", target: name, title, plan });
    return [el("div", { class: "plan" },
      el("p", { class: "deed" }, el("strong", {}, `A plan waits: ${format.count(plan.adds)} to add, ${format.count(plan.removes)} to remove`), button),
      el("p", { class: "facts" }, ...(plan.at === null ? [] : ["Since ", moment(plan.at), ": "]), isolated(plain(plan.why)), "."), ...this.#form(place))];
  }

  #last({ name, title, at, last: run, undoable }: Target): HTMLElement[] {
    const looked = el("p", { class: "facts" }, at === null ? "Nobody has looked at it yet." : "Looked at ", ...(at === null ? [] : [ago(at), "."]));
    if (run === null) return [looked];
    const place = `undo ${name}`;
    const undo = undoable === null ? [] : [this.#button("Undo", `Undo the last run for ${plain(title)}`, "undo", { place, what: "undo", target: name, title, run: undoable })];
    const same = undoable === null || undoable.run === run.run;
    const earlier = same ? [] : [el("p", { class: "deed" }, el("span", {}, "That one changed nothing else. The last that did ", ...(undoable.at === null ? [] : ["was ", ago(undoable.at)])), ...undo)];
    return [el("div", { class: "last" }, el("p", { class: "deed" },
      el("span", {}, "Last change ", ...(run.at === null ? [] : [ago(run.at)]), ...(run.by === "" ? [] : [", by ", isolated(plain(run.by))])), ...(same ? undo : [])),
      figures(run), ...earlier, ...(run.reason === "" ? [] : [el("p", { class: "trouble" }, "It broke off: ", isolated(plain(run.reason)), ".")]), looked, ...this.#form(place))];
  }

  #paused({ name, title, paused, drifted }: Target): HTMLElement[] {
    if (paused === null) return [];
    const [place, other] = [`resume ${name}`, `take back ${name}`];
    const button = this.#button("Resume", `Resume ${plain(title)}`, "approve", { place, what: "resume", target: name, title, takeBack: false, drifted });
    const all = this.#button("Resume and take back", `Take back what was changed by hand at ${plain(title)}, and resume`, "undo", { place: other, what: "resume", target: name, title, takeBack: true, drifted });
    return [el("div", { class: "plan", role: "group", "aria-label": "Pause" },
      el("p", { class: "deed" }, el("strong", {}, "Paused: nothing changes here until somebody resumes it"), button, ...(drifted === 0 ? [] : [all])),
      el("p", { class: "facts" }, "By ", isolated(plain(paused.by) || "nobody known"), ...(paused.at === null ? [] : [", ", moment(paused.at)]), ...(paused.why === "" ? [] : [": ", isolated(plain(paused.why))])),
      ...this.#form(place), ...this.#form(other))];
  }

  #button(text: string, about: string, kind: string, question: Question): HTMLElement {
    const button = el("button", { type: "button", class: kind, "data-focus": question.place, "aria-label": about }, text);
    button.addEventListener("click", () => this.#asking.ask(question));
    return button;
  }

  #form(place: string): HTMLElement[] {
    const open = this.#asking.open;
    return open?.question.place === place ? [open.form] : [];
  }
}

/** Whether what a person is asked about is still there to decide. */
function isOpen(question: Question, gate: Gate): boolean {
  if (question.what === "mark") return true;
  const target = gate.targets.find(({ name }) => name === question.target);
  switch (question.what) {
    case "apply": return target?.waiting?.plan === question.plan.plan;
    case "undo": return target?.undoable?.run === question.run.run;
    case "resume": return (target?.paused ?? null) !== null && (!question.takeBack || target?.drifted !== 0);
  }
}

const since = (iso: string): string => format.ago(Date.now() - Date.parse(iso));

const ago = (iso: string): HTMLElement => el("time", { datetime: iso, title: `${format.minute(Date.parse(iso))} UTC` }, since(iso));

/** What of a card changes by itself. */
const ages = ({ at, last, undoable }: Target): string[] => [at, last?.at ?? null, undoable?.at ?? null].map((iso) => (iso === null ? "" : since(iso)));

function standing({ at, reason, paused, waiting, drifted, last, held, slots }: Target): Word[] {
  const full: Word[] = slots > 0 && held >= slots ? [{ word: "full", tone: "" }] : [];
  const reach: Word = reason !== null ? { word: "out of reach", tone: "bad" } : at === null ? { word: "new", tone: "" } : { word: "in reach", tone: "fresh" };
  return [
    reach, ...(paused === null ? [] : [{ word: "paused", tone: "warn" } as const]),
    ...(waiting === null ? [] : [{ word: "waits for approval", tone: "warn" } as const]),
    ...(drifted === 0 ? [] : [{ word: `${format.count(drifted)} changed by hand`, tone: "warn" } as const]),
    ...(last === null || last.failed === 0 ? [] : [{ word: `${format.count(last.failed)} failed`, tone: "bad" } as const]), ...full,
  ];
}

function figures(run: Run): HTMLElement {
  const told = [[run.added, "added"], [run.extended, "extended"], [run.replaced, "replaced"], [run.removed, "removed"]] as const;
  return el("p", { class: "figures" }, ...told.map(([count, what]) => el("span", {}, el("strong", {}, format.count(count)), ` ${what}`)),
    el("span", { class: run.failed === 0 ? "" : "trouble" }, el("strong", {}, format.count(run.failed)), " failed"));
}

function charts(target: Target): HTMLElement[] {
  const { name, kinds, sources, actions, refused } = target;
  return [
    section("By kind", ...barList(kinds, words.kind, `kinds ${name}`)), section("By source", ...barList(sources, words.source, `sources ${name}`)),
    section("By action", ...barList(actions, plain, `actions ${name}`)), section("By score", scores(target)),
    wide("Changes in 48 hours", ...churn(target)), wide("Not chosen, and why", ...barList(refused, words.reason, `refused ${name}`)),
  ];
}

const section = (title: string, ...content: HTMLElement[]): HTMLElement => el("section", {}, el("h4", {}, title), ...content);

function wide(title: string, ...content: HTMLElement[]): HTMLElement {
  const made = section(title, ...content);
  made.className = "wide";
  return made;
}

const SHOWN = 4; // changes by hand, before the others are folded away

/** What somebody changed by hand: shown, and left as it is. */
function drift({ name, drift: found, drifted }: Target): HTMLElement[] {
  if (drifted === 0 && found.length === 0) return [];
  const hidden = drifted - found.length;
  const rest = hidden > 0 ? [el("p", { class: "facts" }, `${format.count(hidden)} more are not listed.`)] : [];
  return [section("Changed by hand, and left so", ...folded(found.map(drifting), SHOWN, `drift ${name}`, (some) => el("ul", { class: "drift" }, ...some)), ...rest)];
}

const drifting = ({ kind, value, what }: Drifted): HTMLElement =>
  el("li", {}, el("span", { class: "small" }, words.kind(kind)), el("code", {}, isolated(readable(kind, value))), el("span", { class: "small what" }, isolated(plain(what))));
