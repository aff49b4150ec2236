/** The table of feeds: a line for each, which opens to all that is known of it. */

import { el } from "../dom.ts";
import * as format from "../format.ts";
import { health, lead, number, percent, sorted, WORDS, type Key } from "./figures.ts";
import { spark } from "./spark.ts";
import type { Feed, Value } from "./value.ts";

interface Column {
  readonly head: string;
  readonly key: Key | null;
  /** Whether the first click sorts from large to small. */
  readonly large?: boolean;
  readonly class: string;
  readonly says: string;
}

const COLUMNS: readonly Column[] = [
  { head: "Feed", key: "feed", class: "", says: "" },
  { head: "Advice", key: "advice", class: "advice", says: "" },
  { head: "Health", key: "answered", class: "health", says: "and when it last answered" },
  { head: "Rows, 30 days", key: null, class: "curve", says: "" },
  { head: "Indicators", key: "indicators", large: true, class: "figure", says: "that hold now" },
  { head: "Unique", key: "unique", class: "figure", says: "no independent source has them" },
  { head: "First", key: "first", class: "figure", says: "of what it shares with independent sources" },
  { head: "Known harmless", key: "harmless", large: true, class: "figure", says: "named by warninglists" },
  { head: "Churn", key: "churn", large: true, class: "figure", says: "what comes and goes per answer" },
];

export class Table {
  readonly #table: HTMLTableElement;
  readonly #heads: HTMLTableRowElement;
  readonly #open = new Set<string>();
  readonly #bodies = new Map<string, HTMLTableSectionElement>();
  #by: Key = "advice";
  #descending = false;
  #value: Value | null = null;

  constructor(table: HTMLTableElement, heads: HTMLTableRowElement) {
    this.#table = table;
    this.#heads = heads;
    heads.append(...COLUMNS.map((column) => this.#head(column)));
  }

  /** Lines are changed in place, so that the keyboard's focus survives a refresh. */
  show(value: Value): void {
    this.#value = value;
    const names = new Set(value.feeds.map(({ feed }) => feed));
    for (const [name, body] of this.#bodies) {
      if (names.has(name)) continue;
      body.remove();
      this.#bodies.delete(name);
    }
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset["feed"] : undefined;
    const bodies = sorted(value.feeds, this.#by, this.#descending).map((feed) => this.#line(feed, Date.parse(value.at)));
    this.#table.append(...bodies);
    if (focused !== undefined) this.#bodies.get(focused)?.querySelector<HTMLElement>(".name")?.focus();
    this.#mark();
  }

  #head({ head, key, class: kind, large, says }: Column): HTMLElement {
    const cell = el("th", { scope: "col", role: "columnheader", class: kind, title: says });
    if (key === null) {
      cell.append(el("span", {}, head));
      return cell;
    }
    const button = el("button", { type: "button" }, head);
    button.addEventListener("click", () => this.#sort(key, large ?? false));
    cell.append(button);
    return cell;
  }

  #sort(key: Key, large: boolean): void {
    this.#descending = this.#by === key ? !this.#descending : large;
    this.#by = key;
    if (this.#value) this.show(this.#value);
  }

  #mark(): void {
    [...this.#heads.children].forEach((cell, i) => {
      const order = this.#descending ? "descending" : "ascending";
      cell.setAttribute("aria-sort", COLUMNS[i].key === this.#by ? order : "none");
    });
  }

  #line(feed: Feed, now: number): HTMLTableSectionElement {
    const body = this.#bodies.get(feed.feed) ?? el("tbody", { role: "rowgroup", "data-feed": feed.feed });
    this.#bodies.set(feed.feed, body);
    const open = this.#open.has(feed.feed);
    const more = el("tr", { role: "row", class: "more", hidden: !open },
      el("td", { role: "cell", colspan: COLUMNS.length }, details(feed)));
    body.replaceChildren(el("tr", { role: "row" }, this.#name(feed, more), ...cells(feed, now)), more);
    return body;
  }

  #name(feed: Feed, more: HTMLElement): HTMLElement {
    const button = el("button", {
      type: "button", class: "name", "data-feed": feed.feed, "aria-expanded": String(this.#open.has(feed.feed)),
    }, el("bdi", {}, feed.feed));
    button.addEventListener("click", () => {
      const open = more.hidden;
      more.hidden = !open;
      button.setAttribute("aria-expanded", String(open));
      if (open) this.#open.add(feed.feed);
      else this.#open.delete(feed.feed);
    });
    return el("th", { scope: "row", role: "rowheader" }, button, el("bdi", { class: "title" }, feed.title));
  }
}

function cells(feed: Feed, now: number): HTMLElement[] {
  const { contribution: part, noise, history } = feed;
  const first = el("span", { class: "small" }, lead(part.lead_seconds));
  const texts: [string, ...(Node | string)[]][] = [
    ["Indicators", format.count(part.indicators)],
    ["Unique", percent(part.unique_share), el("span", { class: "small" }, format.count(part.unique))],
    ["First", percent(part.first_share), ...(part.lead_seconds === null ? [] : [first])],
    ["Known harmless", percent(noise.harmless_share)],
    ["Churn", percent(history.churn)],
  ];
  const figures = texts.map(([head, ...content]) =>
    el("td", { role: "cell", class: "figure", "data-head": head }, ...content));
  return [advice(feed), answered(feed, now), el("td", { role: "cell", class: "curve" }, spark(feed)), ...figures];
}

function advice({ advice: what, because }: Feed): HTMLElement {
  return el("td", { role: "cell", class: `advice ${what}` }, el("strong", {}, WORDS[what]), el("span", { dir: "auto" }, because));
}

function answered(feed: Feed, now: number): HTMLElement {
  const { word, tone } = health(feed);
  const badge = el("span", { class: `badge ${tone}`, title: feed.history.reason ?? "" }, word);
  const when = feed.fetched === null ? "never answered" : format.ago(now - Date.parse(feed.fetched));
  return el("td", { role: "cell", class: "health", "data-head": "Health" }, badge, el("span", { class: "small" }, when));
}

function details(feed: Feed): HTMLElement {
  const { history, contribution: part, noise, cost } = feed;
  const facts: [string, string][] = [
    ["Asked every", format.span(feed.every_seconds * 1_000)],
    ["Good for", feed.use],
    ["Runs, 90 days", `${format.count(history.runs)}, ${format.count(history.failed)} failed`],
    ["In quarantine", format.count(history.quarantined)],
    ["Last word", history.reason ?? history.status ?? "–"],
    ["Last change", moment(history.changed)],
    ["Newest indicator", moment(part.newest)],
    ["Lost without it", `${format.count(part.lost)} (${percent(part.lost_share)})`],
    ["Shared with independent ones", format.count(part.shared)],
    ["Kept out in all", format.count(noise.suppressed)],
    ["Requests per run", number(cost.requests)],
    ["Seconds per run", number(cost.seconds)],
    ["Request units, 30 days", number(cost.units)],
    ["Seconds per unique", number(cost.seconds_per_unique)],
    ["Units per unique", number(cost.units_per_unique)],
    ...group(feed),
  ];
  return el("dl", {}, ...facts.map(([name, text]) => el("div", {}, el("dt", {}, name), el("dd", { dir: "auto" }, text))));
}

const group = ({ group: name }: Feed): [string, string][] => (name === null ? [] : [["Counts as one with", name]]);

const moment = (text: string | null): string => (text === null ? "–" : `${format.minute(Date.parse(text))} UTC`);
