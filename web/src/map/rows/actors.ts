/** Threat actors by the country that they are said to work from. */

import { el, part } from "../../dom.ts";
import * as format from "../../format.ts";
import { isolated, outward, texts } from "../../pieces.ts";
import { linkable, plain } from "../../text.ts";
import { fieldsOf } from "../data/cells.ts";
import type { Choices } from "../choice.ts";
import type { Columns } from "../data/columns.ts";
import { codeOf, nameOf } from "../data/codes.ts";
import { grouped } from "./grouping.ts";
import type { Listener, Told } from "../told.ts";

export interface Actor {
  readonly country: string;
  readonly name: string;
  readonly motivation: string;
  readonly aliases: readonly string[];
  readonly description: string;
  readonly source: string;
  readonly links: readonly URL[];
}

const UNKNOWN = "Country unknown";
const MOST_LINKS = 5;

export class Actors implements Listener {
  readonly #choices: Choices;
  readonly #open: () => void;
  readonly #listRows: () => void;
  readonly #search = part<HTMLInputElement>("actors-search");
  #columns: readonly Columns[] = [];
  #actors: readonly Actor[] = [];
  #shown = false;

  /** `open` brings the panel to the front, `listRows` the table. */
  constructor(choices: Choices, open: () => void, listRows: () => void) {
    [this.#choices, this.#open, this.#listRows] = [choices, open, listRows];
    this.#search.addEventListener("input", () => this.#list());
  }

  show({ layers, shown }: Told): void {
    const columns = layers.flatMap((layer) => (layer.dataset.kind === "actors" && layer.columns ? [layer.columns] : []));
    this.#shown = shown.some(({ layer }) => layer.dataset.kind === "actors");
    part("actors-tab").hidden = columns.length === 0;
    if (columns.length === this.#columns.length && columns.every((one, i) => one === this.#columns[i])) return;
    this.#columns = columns;
    this.#actors = columns.flatMap(actorsOf);
    this.#list();
  }

  /** Opens a country by its name on the map, if actors are shown there. */
  at(name: string): void {
    const country = nameOf(codeOf(name) ?? name);
    if (!this.#shown || !this.#actors.some((actor) => actor.country === country)) return;
    this.#search.value = "";
    this.#list();
    this.#open();
    const group = [...part("actors-list").querySelectorAll("details")].find((one) => one.dataset["country"] === country);
    if (group === undefined) return;
    group.open = true;
    group.scrollIntoView({ block: "start" });
  }

  #list(): void {
    const sought = this.#search.value.trim().toLowerCase();
    const found = this.#actors.filter((actor) => wordsOf(actor).includes(sought));
    const groups = grouped(found, ({ country }) => country);
    const ranked = [...groups].sort(([a, some], [b, others]) =>
      +(a === UNKNOWN) - +(b === UNKNOWN) || others.length - some.length || (a < b ? -1 : 1));
    const countries = groups.size - +groups.has(UNKNOWN);
    part("actors-sum").textContent = `${format.count(found.length)} ${found.length === 1 ? "actor" : "actors"}`
      + ` in ${format.count(countries)} ${countries === 1 ? "country" : "countries"}`;
    part("actors-list").replaceChildren(...ranked.map(([country, actors]) => this.#group(country, actors, sought !== "" && ranked.length < 4)));
  }

  #group(country: string, actors: readonly Actor[], open: boolean): HTMLElement {
    const list = el("ul", {});
    const group = el("details", { "data-country": country, open },
      el("summary", {}, isolated(plain(country)), el("span", { class: "small" }, format.count(actors.length))), list);
    const fill = (): void => {
      if (group.open && list.childElementCount === 0) list.append(...actors.map((actor) => this.#card(actor)));
    };
    group.addEventListener("toggle", fill);
    fill();
    return group;
  }

  #card(actor: Actor): HTMLElement {
    const find = el("button", { type: "button" }, "Search in table");
    find.addEventListener("click", () => {
      this.#choices.change({ search: actor.name });
      this.#listRows();
    });
    const line = (name: string, ...pieces: readonly (Node | string)[]): HTMLElement[] =>
      pieces.length === 0 || pieces[0] === "" ? [] : [el("dt", {}, name), el("dd", {}, ...pieces)];
    return el("li", { class: "actor" }, el("h3", {}, isolated(plain(actor.name))),
      el("dl", {}, ...line("Motivation", plain(actor.motivation)), ...line("Also called", ...texts(actor.aliases)),
        ...line("Said by", plain(actor.source))),
      ...(actor.description === "" ? [] : [el("p", { class: "small", dir: "auto" }, plain(actor.description))]),
      el("p", { class: "answer" }, find, ...actor.links.map((url) => outward(url, url.host))));
  }
}

const wordsOf = (actor: Actor): string =>
  [actor.country, actor.name, actor.motivation, ...actor.aliases, actor.source].join("\n").toLowerCase();

/** The rows as actors. A column that is missing says nothing. */
export function actorsOf(columns: Columns): Actor[] {
  return Array.from(columns.start, (_, row) => {
    const fields = fieldsOf(columns, row);
    const of = (...names: readonly string[]): string => names.map((name) => fields.get(name) ?? "").find((text) => text !== "") ?? "";
    const country = of("Country", "Location");
    return {
      country: country === "" ? UNKNOWN : nameOf(codeOf(country) ?? country),
      name: of("Name"), motivation: of("Motivation"), aliases: listOf(of("Aliases")), description: of("Description"),
      source: of("Source"), links: listOf(of("Links", "Link", "Reference")).flatMap((link) => linkable(link) ?? []).slice(0, MOST_LINKS),
    };
  });
}

/** A JSON list, or texts with commas between them. */
function listOf(text: string): string[] {
  try {
    const parsed: unknown = JSON.parse(text);
    if (Array.isArray(parsed)) return parsed.filter((one) => typeof one === "string");
  } catch {
    // no JSON: read it as people write lists
  }
  return text.split(",").map((one) => one.trim()).filter((one) => one !== "");
}
