/** Small pieces that pages are made of. */

import { el } from "./dom.ts";
import * as format from "./format.ts";
import { linkable, plain } from "./text.ts";

export type Tone = "fresh" | "warn" | "bad" | "";

/** A word of ours for something, and how good that is. */
export interface Word {
  readonly word: string;
  readonly tone: Tone;
}

export type Piece = Node | string;

export const badge = ({ word, tone }: Word): HTMLElement => el("span", { class: `badge ${tone}` }, word);

/** A text of others, which turns nothing around it. It must have gone through `plain` or `readable`. */
export const isolated = (text: string, kind = ""): HTMLElement => el("bdi", kind === "" ? {} : { class: kind }, text);

/** A list of names and what they stand for; what stands for nothing is left out. */
export function facts(...pairs: readonly (readonly [name: string, ...told: Piece[]])[]): HTMLElement {
  const told = pairs.filter(([, ...pieces]) => pieces.some((piece) => piece !== ""));
  return el("dl", { class: "pairs" }, ...told.flatMap(([name, ...pieces]) => [el("dt", {}, name), el("dd", {}, ...pieces)]));
}

export const texts = (list: readonly string[]): Piece[] =>
  list.flatMap((text, i) => [...(i === 0 ? [] : [", "]), isolated(plain(text))]);

export const moment = (iso: string): HTMLElement =>
  el("time", { datetime: iso, title: iso }, `${format.minute(Date.parse(iso))} UTC`);

/** A link that leads out of here, or the text alone where it must not. */
export function outward(url: URL | null, text: string): Piece {
  if (url === null) return isolated(plain(text));
  return el("a", { href: url.href, target: "_blank", rel: "noopener noreferrer" }, text, el("span", { "aria-hidden": "true" }, " ↗"));
}

export const report = (link: string): Piece[] => {
  if (link === "") return [];
  const url = linkable(link);
  return [url === null ? isolated(plain(link)) : outward(url, `on ${url.host}`)];
};

/** The first few, and the others where they can be unfolded. */
export function folded(items: readonly HTMLElement[], most: number, keep: string, list: (items: readonly HTMLElement[]) => HTMLElement): HTMLElement[] {
  if (items.length <= most) return [list(items)];
  const more = items.slice(most);
  return [list(items.slice(0, most)), el("details", { "data-keep": keep },
    el("summary", { "data-focus": keep }, `${format.count(more.length)} more`), list(more))];
}
