/** How far a layer's rows can be trusted to be all there is: badges, and the facts behind them. Pure. */

import * as format from "../../format.ts";
import type { Tone, Word } from "../../pieces.ts";
import { plain } from "../../text.ts";
import { age } from "../data/catalogue.ts";
import type { Layer } from "../data/layers.ts";
import { LOCAL } from "./link.ts";

export const isLocal = ({ dataset }: Layer): boolean => dataset.name.startsWith(LOCAL);

/** The badges of a layer: the first says its age. */
export function badges(layer: Layer, now: number): Word[] {
  const { dataset } = layer;
  if (isLocal(layer)) return [{ word: "file of yours", tone: "" }];
  const list = [freshness(layer, now)];
  const add = (on: unknown, word: string, tone: Tone): void => void (on && list.push({ word, tone }));
  add(dataset.failed, "refresh failed", "bad");
  add(dataset.partial, "partial", "warn");
  add(dataset.warnings?.length, "look at the rows", "warn");
  add(dataset.synthetic, "synthetic", "");
  add(dataset.refreshing, "refreshing", "");
  add(layer.loading, layer.columns ? "updating" : "loading", "");
  add(layer.failure !== null && !layer.loading, layer.columns ? "not updated" : "not loaded", "bad");
  return list;
}

export const isStale = ({ dataset }: Layer, now: number): boolean => age(dataset, now)?.stale ?? false;

function freshness({ dataset }: Layer, now: number): Word {
  const found = age(dataset, now);
  if (found === null) return { word: "never refreshed", tone: "warn" };
  return { word: `${found.stale ? "stale: " : ""}refreshed ${format.ago(found.milliseconds)}`, tone: found.stale ? "warn" : "fresh" };
}

type Fact = readonly [name: string, text: string];

const moment = (iso: string | null | undefined): string =>
  (iso && Number.isFinite(Date.parse(iso)) ? `${format.minute(Date.parse(iso))} UTC` : "");

/** What the badges stand for, in words; what is not known is left out. */
export function facts(layer: Layer, now: number): Fact[] {
  const { dataset, columns, version } = layer;
  if (isLocal(layer)) return [["Rows", format.count(dataset.rows)], ["Unlocated", format.count(dataset.unlocated)]];
  const all: Fact[] = [
    ["Rows", columns === null ? "" : format.count(columns.time.length)],
    ["Refreshed", moment(dataset.refreshed) || "never"],
    ["Complete up to", moment(dataset.watermark)],
    ["Every", format.span(dataset.every_seconds * 1_000)],
    ["Next refresh", next(dataset.next_refresh, now)],
    ["Partial", dataset.partial ? "The last answer was cut short: what is here is right, but not all there is." : ""],
    ...(dataset.warnings ?? []).slice(0, 10).map((text): Fact => ["Look", plain(text.slice(0, 300))]),
    ["Failed", failure(layer)],
    ["Not loaded", layer.failure === null ? "" : `Version ${dataset.version}: ${layer.failure}. Tried again every minute.`],
    ["Version", version === null ? "" : String(version)],
    ["Synthetic", dataset.synthetic ? "Made up for demonstration; no real activity." : ""],
  ];
  return all.filter(([, text]) => text !== "");
}

function failure({ dataset }: Layer): string {
  if (!dataset.failed && !dataset.reason) return "";
  return [moment(dataset.failed), plain((dataset.reason ?? "").slice(0, 300))].filter(Boolean).join(": ");
}

function next(iso: string | null | undefined, now: number): string {
  if (iso === undefined) return "";
  const left = iso === null ? 0 : Date.parse(iso) - now;
  return left > 0 ? `in ${format.span(left)}` : Number.isNaN(left) ? "" : "due now";
}
