/** What the alert is about: each file and address with what the sandbox said, and where else it is. */

import { el } from "../dom.ts";
import * as format from "../format.ts";
import { badge, facts, folded, isolated, moment, outward, report, texts, type Piece } from "../pieces.ts";
import { fileName, plain, readable, technique } from "../text.ts";
import type { Artefact } from "./api.ts";
import { verdictOf } from "./figures.ts";
import { state, verdict } from "./words.ts";

const SHOWN = 12; // indicators, behaviours and devices, before the others are folded away

export function evidence(artefacts: readonly Artefact[]): HTMLElement[] {
  if (artefacts.length === 0) return [el("p", { class: "facts" }, "There is none to detonate.")];
  return artefacts.map(artefact);
}

function artefact(one: Artefact): HTMLElement {
  return el("article", { class: "artefact" }, head(one), ...place(one), known(one), ...troubles(one), ...behaviours(one), ...indicators(one), ...spread(one));
}

const isUrl = ({ entity }: Artefact): boolean => entity === "Url";

const name = (one: Artefact): string => (isUrl(one) ? readable("url", one.target) : plain(fileName(one.target)));

function head(one: Artefact): HTMLElement {
  const found = verdictOf(one);
  const said = found === null ? state(one.state) : verdict(found);
  const had = one.had === null ? [] : [el("span", { class: "small" }, `it was ${verdict(one.had).word}`)];
  return el("h4", {}, el("span", { class: "small" }, isUrl(one) ? "URL" : plain(one.entity)), isolated(name(one)), badge(said), ...had);
}

const place = (one: Artefact): HTMLElement[] =>
  isUrl(one) || fileName(one.target) === one.target ? [] : [el("p", { class: "path" }, isolated(plain(one.target)))];

function known({ key, sha1, reused, report: found, ...one }: Artefact): HTMLElement {
  const digest = (text: string): Piece => (text === "" ? "" : el("code", {}, text));
  const analysed = found ? [moment(found.analysed), reused ? " · known from before" : ""] : [];
  const children = !found || found.children === 0 ? "" : `${format.count(found.children)} dropped samples${found.cut ? ", not all of them" : ""}`;
  return facts(
    ["Report", ...(found ? report(found.link) : [])], ["Analysed", ...analysed], ["Threats", ...texts(found?.threats ?? [])],
    ["Classes", ...texts(found?.classifications ?? [])], ["ATT&CK", ...techniques(found?.techniques ?? [])], ["Also read", children],
    ["SHA-256", one.entity === "Url" ? "" : digest(key)], ["SHA-1", digest(sha1)],
  );
}

const techniques = (ids: readonly string[]): Piece[] =>
  ids.flatMap((id, i) => [...(i === 0 ? [] : [", "]), outward(technique(id), id)]);

const troubles = ({ troubles: found }: Artefact): HTMLElement[] =>
  found.length === 0 ? [] : [el("ul", { class: "troubles", "aria-label": "Troubles" }, ...found.map((text) => el("li", {}, isolated(plain(text)))))];

function behaviours({ key, report: found }: Artefact): HTMLElement[] {
  const worst = [...(found?.traits ?? [])].sort((one, two) => two.score - one.score);
  if (worst.length === 0) return [];
  const items = worst.map(({ score, operation }) =>
    el("li", {}, el("span", { class: `score s${Math.min(5, Math.max(1, Math.round(score)))}`, title: `Severity ${score} of 5` }, String(score)), isolated(plain(operation))));
  return [el("h5", {}, "Behaviour"), ...folded(items, SHOWN, `traits ${key}`, (some) => el("ul", { class: "traits" }, ...some))];
}

function indicators({ key, iocs, dropped, report: found }: Artefact): HTMLElement[] {
  if (!found) return [];
  const left = dropped === 0 ? "" : `, ${format.count(dropped)} left out as harmless or no indicators`;
  const title = el("h5", {}, "Indicators ", el("span", { class: "small" }, `${iocs.length === 0 ? "none" : format.count(iocs.length)}${left}`));
  const order = (text: string): number => (text === "malicious" ? 0 : 1);
  const items = [...iocs].sort((one, two) => order(one.verdict) - order(two.verdict)).map((ioc) =>
    el("li", {}, el("span", { class: "small" }, plain(ioc.kind)), el("code", {}, isolated(readable(ioc.kind, ioc.value))), badge(verdict(ioc.verdict))));
  return [title, ...(items.length === 0 ? [] : folded(items, SHOWN, `iocs ${key}`, (some) => el("ul", { class: "iocs" }, ...some)))];
}

function spread({ key, spread: found, entity }: Artefact): HTMLElement[] {
  if (found === null) return entity === "Url" ? [] : [el("h5", {}, "Elsewhere"), el("p", { class: "facts" }, "Nobody has looked for it on other devices.")];
  const { devices, seen, everywhere, signer } = found;
  const more = seen > devices.length && devices.length > 0 ? `, these among them` : "";
  const ours = seen === 0 ? "On no other device of ours" : `On ${format.count(seen)} other ${seen === 1 ? "device" : "devices"} of ours${more}`;
  const world = everywhere === null ? "" : `; on ${format.count(everywhere)} machines worldwide`;
  const signed: Piece[] = signer === "" ? [] : ["; signed by ", isolated(plain(signer))];
  const items = devices.map((device) => el("li", {}, isolated(plain(device.name || device.id)),
    el("span", { class: "small" }, plain([device.os, device.group, ...device.tags].filter(Boolean).join(" · ")))));
  return [el("h5", {}, "Elsewhere"), el("p", { class: "facts" }, ours, world, ...signed, "."),
    ...(items.length === 0 ? [] : folded(items, SHOWN, `spread ${key}`, (some) => el("ul", { class: "devices" }, ...some)))];
}
