/** The page of the feeds: what each is worth, how it fares, which to drop. */

import { el, part } from "../dom.ts";
import * as format from "../format.ts";
import { Freshness } from "../freshness.ts";
import { isCalledOff, sentence } from "../server.ts";
import { ThemeSwitch } from "../theme.ts";
import { Watch } from "../watch.ts";
import { health, percent } from "./figures.ts";
import { heat } from "./heat.ts";
import { Table } from "./table.ts";
import { fetchValue, type Value } from "./value.ts";

class Page {
  readonly #table = new Table(part<HTMLTableElement>("worth"), part<HTMLTableRowElement>("heads"));
  readonly #freshness = new Freshness();
  readonly #watch = new Watch((signal) => this.#ask(signal));
  #value: Value | null = null;

  start(): void {
    new ThemeSwitch(part<HTMLSelectElement>("theme"), () => {});
    this.#tell();
    void this.#watch.now();
  }

  async #ask(signal: AbortSignal): Promise<void> {
    try {
      this.#value = await fetchValue(signal);
      this.#freshness.answered(Date.parse(this.#value.at));
      this.#show(this.#value);
    } catch (error) {
      if (isCalledOff(error)) return;
      this.#freshness.trouble = sentence(error);
    }
    this.#tell();
  }

  #show(value: Value): void {
    part("tiles").replaceChildren(...tiles(value));
    this.#table.show(value);
    const apart = heat(part<HTMLTableElement>("overlap"), value.feeds);
    part("overlap-note").textContent = "How many per cent of the feed in a row the feed in a column has, too.";
    part("apart").textContent = apart.length === 0 ? "" : `Nothing in common with any other: ${apart.join(", ")}.`;
    part("words").replaceChildren(...words(value.thresholds));
    for (const id of ["judged", "shared", "terms"]) part(id).hidden = value.feeds.length === 0;
    const spoken = `${format.count(value.feeds.length)} feeds, ${format.count(count(value, "drop"))} to drop.`;
    if (part("live").textContent !== spoken) part("live").textContent = spoken;
  }

  /** The message where there is nothing to show. */
  #tell(): void {
    this.#freshness.tick();
    const notice = part("notice");
    const [title, text] = this.#nothing() ?? ["", ""];
    notice.hidden = title === "";
    notice.replaceChildren(el("strong", {}, title), el("p", {}, text));
    if (this.#freshness.trouble === null) return;
    const again = el("button", { type: "button" }, "Try again");
    again.addEventListener("click", () => void this.#watch.now());
    notice.append(again);
  }

  #nothing(): [title: string, text: string] | null {
    if (this.#value !== null && this.#value.feeds.length > 0) return null;
    if (this.#freshness.trouble !== null) return ["No data", `It was asked for, but ${this.#freshness.trouble}. The page tries again every minute.`];
    if (this.#value === null) return ["Loading", "Judging the feeds…"];
    return ["No feeds", "No feed is switched on."];
  }
}

const count = (value: Value, advice: string): number => value.feeds.filter((feed) => feed.advice === advice).length;

function tiles(value: Value): HTMLElement[] {
  const well = value.feeds.filter((feed) => health(feed).tone === "fresh").length;
  const sum = (of: (feed: Value["feeds"][number]) => number): number => value.feeds.reduce((all, feed) => all + of(feed), 0);
  const [drop, look] = [count(value, "drop"), count(value, "look")];
  const facts: [string, string, string][] = [
    ["Feeds well", `${well} of ${value.feeds.length}`, ""],
    ["To drop", format.count(drop), drop > 0 ? "drop" : ""],
    ["To look at", format.count(look), look > 0 ? "look" : ""],
    ["Sightings that hold", format.count(sum((feed) => feed.contribution.indicators)), ""],
    ["In one source alone", format.count(sum((feed) => feed.contribution.lost)), ""],
    ["Kept out as harmless", format.count(sum((feed) => feed.noise.harmless)), ""],
  ];
  return facts.map(([name, text, kind]) => el("div", { class: kind }, el("dt", {}, name), el("dd", {}, text)));
}

function words(thresholds: Value["thresholds"]): HTMLElement[] {
  const share = (name: string): string => percent(thresholds[name] ?? null);
  const terms: [string, string][] = [
    ["Unique", "No independent source has it. Lists that copy each other, or belong together, count as one; labels and context count as none."],
    ["First", "Among what it shares with independent sources: how often its own first sighting is the earliest, and by how much it is ahead (the median). Times are the sources' words; a list without times counts from when it was first read."],
    ["Known harmless", "Named by public warninglists, popular domains or the allow-list, of all that it says. They are kept out of the store."],
    ["Churn", "What came and went per answer, against the size of the list: 200 % when everything is replaced."],
    ["Drop it", `Under ${share("few_unique")} unique and either at least ${share("often_harmless")} known harmless or first in under ${share("rarely_first")}; or no answer for ${thresholds["silent_days"]} days.`],
    ["Look at it", `In quarantine, late, at least ${share("often_failed")} of its runs failed, or at least ${share("often_harmless")} known harmless.`],
    ["Too early", `Fewer than ${thresholds["least_answers"]} answers of its own.`],
  ];
  return terms.flatMap(([name, text]) => [el("dt", {}, name), el("dd", {}, text)]);
}

new Page().start();
