/** The fields of one row: as text, and once pinned with what can be done with each. */

import { el } from "../../dom.ts";
import { clip } from "./clip.ts";
import type { Choices } from "../choice.ts";
import { except, only } from "../sift/facet.ts";
import { links } from "./links.ts";

export interface Fields {
  readonly values: ReadonlyMap<string, string | null>;
  readonly title: string;
  /** The column of the row's time. */
  readonly time: string;
}

/** Without choices nothing can be done: what is only hovered over cannot be clicked. */
export function fieldList({ values, title, time }: Fields, choices: Choices | null): HTMLElement {
  const list = el("dl", {}, el("dt", {}, "Layer"), el("dd", {}, title));
  for (const [name, value] of values) {
    const text = value === null ? "no value" : value === "" ? "empty" : value;
    const absent = value === null || value === "";
    const field = el("dd", { dir: "auto", class: absent ? "absent" : "" }, text);
    if (choices !== null) field.append(...tools(name, value, name === time, choices));
    list.append(el("dt", {}, name === time ? `${name} (UTC)` : name), field);
  }
  return list;
}

function tools(name: string, value: string | null, isTime: boolean, choices: Choices): HTMLElement[] {
  const absent = value === null || value === "";
  const group = el("span", { class: "tools", dir: "ltr" });
  if (!absent) group.append(tool("Copy", `Copy ${name}`, (button) => clip(value, button)));
  if (!isTime) {
    group.append(
      tool("+", `Only rows with this ${name}`, () => choices.change({ facets: only(choices.now.facets, name, value) })),
      tool("−", `No rows with this ${name}`, () => choices.change({ facets: except(choices.now.facets, name, value) })),
    );
  }
  const found = absent ? [] : links(name, value);
  if (found.length === 0) return [group];
  const outward = found.map((link) => el("a", { href: link.url, target: "_blank", rel: "noopener noreferrer" },
    link.name, el("span", { "aria-hidden": "true" }, " ↗")));
  return [group, el("span", { class: "outward", dir: "ltr" }, ...outward)];
}

function tool(text: string, label: string, act: (button: HTMLButtonElement) => void): HTMLElement {
  const button = el("button", { type: "button", "aria-label": label, title: label }, text);
  button.addEventListener("click", () => act(button));
  return button;
}

/** How a row came to its place. */
export function provenance(values: ReadonlyMap<string, string | null>): string {
  const [precision, source] = [values.get("GeoPrecision"), values.get("GeoSource")];
  if (!precision || precision === "none") return "Not located.";
  return `Approximate: located by ${precision}${source ? ` (source: ${source})` : ""}.`;
}
