/** One case, opened: its way, its evidence, what is done about it and what a person decides. */

import { Asking, type Decide } from "../confirm.ts";
import { el, part } from "../dom.ts";
import { Part } from "../part.ts";
import { badge, facts, isolated, moment, type Piece } from "../pieces.ts";
import { plain } from "../text.ts";
import type { Case, Summary } from "./api.ts";
import { asked as worded } from "./asked.ts";
import { decidable, type Pending, type Question } from "./decisions.ts";
import { effects } from "./effects.ts";
import { evidence } from "./evidence.ts";
import { verdictOf, worst } from "./figures.ts";
import { responses, type Deciding } from "./responses.ts";
import { timeline, timelineOf } from "./timeline.ts";
import { stage, verdict } from "./words.ts";

const PARTS = ["head", "way", "evidence", "responses", "effects", "notes"] as const;
type Name = (typeof PARTS)[number];

export class View {
  readonly #host = part("case");
  readonly #parts = Object.fromEntries(PARTS.map((name) => [name, new Part(part(`case-${name}`))])) as Record<Name, Part>;
  readonly #pending: Pending;
  readonly #asking: Asking<Question>;
  #case: Case | null = null;

  constructor(pending: Pending, decide: Decide<Question>) {
    this.#pending = pending;
    this.#asking = new Asking(this.#host, worded, decide, () => this.#case && this.#showDeeds(this.#case));
  }

  /** Shows what is known so far of a case that was just opened. */
  begin(summary: Summary | null, id: string): void {
    this.#case = null;
    this.#asking.forget();
    this.#host.scrollTop = 0;
    this.#parts.head.show(["begun", id, summary?.title ?? null], () => title(summary?.title ?? id));
    for (const name of PARTS.slice(1)) part(`case-${name}`).closest("section")!.hidden = true;
  }

  show(one: Case, now = Date.now()): void {
    this.#case = one;
    // It may have been answered meanwhile, by somebody else or by the verdict.
    this.#asking.withdraw(({ what, choices }) => choices.some(({ key }) => decidable(one, what).has(key)));
    const way = timelineOf(one, now);
    this.#parts.head.show([one.alert, one.stage, one.reason, one.asked, one.artefacts.map(verdictOf)], () => head(one));
    this.#parts.way.show(way, () => timeline(way));
    this.#parts.evidence.show(one.artefacts, () => evidence(one.artefacts));
    this.#parts.notes.show(one.notes, () => [el("ul", { class: "notes" }, ...one.notes.map((text) => el("li", {}, isolated(plain(text)))))]);
    this.#showDeeds(one);
    for (const name of PARTS.slice(1)) part(`case-${name}`).closest("section")!.hidden = false;
    part("case-notes").closest("section")!.hidden = one.notes.length === 0;
  }

  #showDeeds(one: Case): void {
    const deciding: Deciding = { pending: this.#pending.of(one.id), open: this.#asking.open, ask: (question) => this.#asking.ask(question) };
    const decided = [[...deciding.pending], this.#asking.open?.question ?? null];
    this.#parts.responses.show([one.id, one.responses, one.asked, decided], () => responses(one, deciding));
    this.#parts.effects.show([one.id, one.effects, one.revoked, decided], () => effects(one, deciding));
  }
}

const title = (text: string): HTMLElement[] => [el("h2", { id: "case-title" }, isolated(plain(text)))];

function head(one: Case): HTMLElement[] {
  const { alert, asked } = one;
  const found = worst(one.artefacts.flatMap((artefact) => verdictOf(artefact) ?? []));
  const badges = [
    ...(found === null ? [] : [badge(verdict(found))]), badge(stage(one.stage)),
    ...(alert ? [badge({ word: `${plain(alert.severity)} severity`, tone: "" })] : []), ...(asked.length === 0 ? [] : [waits(asked.length)]),
  ];
  return [...title(alert?.title ?? one.id), el("p", { class: "badges" }, ...badges),
    ...(one.reason === null ? [] : [el("p", { class: "reason" }, isolated(plain(one.reason)))]),
    facts(["Device", ...device(alert?.device ?? null)], ["Source", alert ? plain([alert.source, alert.category, alert.family].filter(Boolean).join(" · ")) : ""],
      ["Incident", alert?.incident ? plain(alert.incident) : ""], ["Alert", el("code", {}, plain(one.id))], ["Opened", moment(one.opened)])];
}

function waits(count: number): HTMLElement {
  const jump = el("button", { type: "button", class: "badge warn", "data-focus": "waits" }, `${count} ${count === 1 ? "waits" : "wait"} for approval ↓`);
  jump.addEventListener("click", () => {
    part("responses-title").scrollIntoView({ block: "start" });
    part("case-responses").querySelector<HTMLElement>("button")?.focus({ preventScroll: true });
  });
  return jump;
}

function device(one: NonNullable<Case["alert"]>["device"]): Piece[] {
  if (one === null) return [];
  const more = plain([one.os, one.group, ...one.tags].filter(Boolean).join(" · "));
  return [isolated(plain(one.name || one.id)), ...(more === "" ? [] : [el("span", { class: "small" }, ` ${more}`)])];
}
