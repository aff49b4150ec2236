/** The page of the gate: what is enforced and why, what changes, and what a person decides. */

import { named } from "../address.ts";
import type { Answer } from "../confirm.ts";
import { el, part } from "../dom.ts";
import { fetchValue } from "../feeds/value.ts";
import * as format from "../format.ts";
import { Freshness } from "../freshness.ts";
import { Part } from "../part.ts";
import { isCalledOff, sentence } from "../server.ts";
import { ThemeSwitch } from "../theme.ts";
import { Watch } from "../watch.ts";
import { apply, fetchGate, resume, undo } from "./api.ts";
import { Changes } from "./changes.ts";
import { readGate, type Gate } from "./contract.ts";
import { Explain } from "./explain.ts";
import { feeds } from "./feeds.ts";
import { HeldSet } from "./set.ts";
import { Targets } from "./targets.ts";
import type { Question } from "./words.ts";

const EVERY = 30_000;

class Page {
  readonly #freshness = new Freshness();
  readonly #targets = new Targets(part("targets"), (question, answer) => this.#decide(question, answer), () => this.#withdrawn());
  readonly #changes = new Changes((value) => this.#go(value), () => void this.#watch.now());
  readonly #set = new HeldSet((value) => this.#go(value));
  readonly #explain = new Explain((text) => this.#decided(text));
  readonly #tiles = new Part(part("tiles"));
  readonly #feeds = new Part(part("feeds"));
  readonly #watch = new Watch((signal) => this.#ask(signal), () => EVERY);
  readonly #feedWatch = new Watch((signal) => this.#askFeeds(signal)); // they change more slowly, and cost the server more
  #gate: Gate | null = null;

  start(): void {
    new ThemeSwitch(part<HTMLSelectElement>("theme"), () => {});
    part("search").addEventListener("submit", (event) => this.#search(event));
    window.addEventListener("hashchange", () => this.#open());
    document.addEventListener("keydown", (event) => this.#key(event));
    this.#tell();
    this.#open();
    void this.#watch.now();
    void this.#feedWatch.now();
  }

  async #ask(signal: AbortSignal): Promise<void> {
    await this.#askGate(signal); // it names the targets
    await this.#askChanges(signal);
    void this.#explain.again(this.#gate?.targets ?? []);
  }

  async #askGate(signal: AbortSignal): Promise<void> {
    try {
      this.#show(await fetchGate(signal));
    } catch (error) {
      if (isCalledOff(error)) return;
      this.#freshness.trouble = sentence(error);
    }
    this.#tell();
  }

  async #askChanges(signal: AbortSignal): Promise<void> {
    try {
      await this.#changes.ask(signal);
      say("changes-trouble", "");
    } catch (error) {
      if (!isCalledOff(error)) say("changes-trouble", `The changes may be old: ${sentence(error)}.`);
    }
  }

  async #askFeeds(signal: AbortSignal): Promise<void> {
    try {
      const value = await fetchValue(signal);
      this.#feeds.show(value, () => [feeds(value)]);
      say("feeds-trouble", "");
    } catch (error) {
      if (!isCalledOff(error)) say("feeds-trouble", `How the feeds fare may be old: ${sentence(error)}.`);
    }
  }

  #show(gate: Gate): void {
    this.#gate = gate;
    this.#freshness.answered();
    this.#targets.show(gate);
    this.#changes.name(gate.targets);
    this.#set.name(gate.targets);
    const figures = tiles(gate);
    this.#tiles.show(figures, () => figures.map(([name, text, kind]) => el("div", { class: kind }, el("dt", {}, name), el("dd", {}, text))));
    part("no-targets").hidden = gate.targets.length > 0;
  }

  /** Says why there is nothing to show, if there is nothing. */
  #tell(): void {
    this.#freshness.tick();
    const trouble = this.#freshness.trouble;
    part("notice").hidden = this.#gate !== null;
    part("board").hidden = this.#gate === null;
    if (this.#gate !== null) return;
    const again = el("button", { type: "button" }, "Try again");
    again.addEventListener("click", () => void this.#watch.now());
    const [title, text] = trouble === null ? ["Loading", "Asking for the state of the gate…"] : ["No data", `It was asked for, but ${trouble}. The page tries again every 30 seconds.`];
    part("notice").replaceChildren(el("strong", {}, title), el("p", {}, text), ...(trouble === null ? [] : [again]));
  }

  async #decide(question: Question, { by, why }: Answer): Promise<string | null> {
    try {
      this.#answered(await decide(question, by, why));
    } catch (error) {
      void this.#watch.now();
      return `${sentence(error)}.`;
    }
    say("live", DONE[question.what]);
    void this.#watch.now();
    return null;
  }

  /** A server that answers with the new state saves a question; one that does not is asked. */
  #answered(sent: unknown): void {
    try {
      this.#show(readGate(sent));
    } catch {
      // it will be asked for
    }
  }

  #decided(text: string): void {
    say("live", text);
    void this.#watch.now();
  }

  #withdrawn(): void {
    say("live", "What you were asked about has changed. Please look at it again.");
  }

  #search(event: Event): void {
    event.preventDefault();
    const value = part<HTMLInputElement>("value").value.trim();
    if (value !== "") this.#go(value);
  }

  #go(value: string): void {
    const hash = `#${encodeURIComponent(value)}`;
    if (location.hash === hash) void this.#explain.again(this.#gate?.targets ?? []);
    else location.hash = hash;
    part("explain").scrollIntoView({ block: "start" });
    part("value").focus({ preventScroll: true });
  }

  /** Explains the value that the address names. */
  #open(): void {
    const value = named(location.hash);
    part<HTMLInputElement>("value").value = value ?? "";
    void this.#explain.open(value, this.#gate?.targets ?? []);
  }

  #key(event: KeyboardEvent): void {
    const typing = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
    if (event.key !== "/" || typing || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    part<HTMLInputElement>("value").focus();
    part<HTMLInputElement>("value").select();
  }
}

const DONE: Readonly<Record<Question["what"], string>> = {
  apply: "The plan is approved.", undo: "The last run is taken back.", resume: "The gate goes on.", mark: "It is marked.",
};

function decide(question: Question, by: string, why: string): Promise<unknown> {
  switch (question.what) {
    case "apply": return apply(question.target, question.plan.plan, by);
    case "undo": return undo(question.target, question.run.run, by, why);
    case "resume": return resume(question.target, by, question.takeBack);
    case "mark": throw new Error("a word on an indicator is no decision about a target");
  }
}

function say(id: string, text: string): void {
  if (part(id).textContent !== text) part(id).textContent = text;
}

function tiles({ targets }: Gate): [name: string, text: string, kind: string][] {
  const sum = (of: (target: Gate["targets"][number]) => number): number => targets.reduce((all, target) => all + of(target), 0);
  const number = (is: (target: Gate["targets"][number]) => boolean): number => targets.filter(is).length;
  const [waiting, paused, drifted, failed] = [number((one) => one.waiting !== null), number((one) => one.paused !== null), sum((one) => one.drifted), sum((one) => one.last?.failed ?? 0)];
  return [
    ["Enforced, in all targets", format.count(sum((one) => one.held)), ""],
    ["Plans to approve", format.count(waiting), waiting > 0 ? "look" : ""],
    ["Paused", format.count(paused), paused > 0 ? "look" : ""],
    ["Failed in last runs", format.count(failed), failed > 0 ? "drop" : ""],
    ["Changed by hand", format.count(drifted), drifted > 0 ? "look" : ""],
  ];
}

new Page().start();
