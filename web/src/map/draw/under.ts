/** What is under the pointer: a spot of rows, a cluster, or a country, as the drawing has it. */

import * as format from "../../format.ts";
import type { Country } from "./basemap.ts";
import { clusterAt, membersOf, radiusOf, type Cluster } from "./clusters.ts";
import { counted, nationsFor } from "./found.ts";
import { rowsOf, type Nation } from "./nations.ts";
import { newestFirst, pick, type Spot } from "./pick.ts";
import type { Stage } from "./stage.ts";
import type { Told } from "../told.ts";
import { scaleOf, toWorld, type View } from "./view.ts";

export class Under {
  readonly #stage: Stage;
  #last: { readonly told: Told; readonly key: string; readonly spot: Spot | null } | null = null;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  at(told: Told, view: View, px: number, py: number): Spot | null {
    const { drawing } = told.choice;
    const { size } = this.#stage;
    if (drawing === "countries") {
      const country = this.#stage.countryAt(px, py);
      return country && this.#once(told, `country ${country.code}`, () => countrySpot(told, country));
    }
    if (drawing !== "clusters") return pick(told.shown, view, size, px, py);
    const cluster = clusterAt(this.#stage.pictured.clusters, ...toWorld(view, size, px, py), scaleOf(view, size));
    return cluster && this.#once(told, `cluster ${cluster.id} ${cluster.events}`, () => clusterSpot(told, cluster));
  }

  /** Gathering the rows of half the world in every frame would stutter: the last ones are kept. */
  #once(told: Told, key: string, make: () => Spot | null): Spot | null {
    if (this.#last?.told !== told || this.#last.key !== key) this.#last = { told, key, spot: make() };
    return this.#last.spot;
  }
}

export function clusterSpot(told: Told, cluster: Cluster): Spot | null {
  const hits = newestFirst(membersOf(cluster, told.shown), told.shown);
  if (hits.length === 0) return null; // of rows that are gone
  const { x, y, events } = cluster;
  const note = events === hits.length ? {} : { note: `${format.count(events)} events` };
  return { x, y, hits, title: "Cluster", reach: radiusOf(events) + 3, ...note };
}

function countrySpot(told: Told, { code, name, label: [x, y] }: Country): Spot | null {
  const nation = code === null ? undefined : nationsFor(told).by.get(code);
  if (code === null || nation === undefined || nation.events === 0) return null;
  const hits = newestFirst(rowsOf(code, told.shown), told.shown);
  return { x, y, hits, title: name, note: nationSaid(told, nation), country: code };
}

/** "120 events, 4.2% of all; before: 60, ×2" */
export function nationSaid(told: Told, { events, share, before }: Nation): string {
  const now = `${counted(told, events)}, ${format.share(share)} of all`;
  if (before === null) return now;
  if (before === 0) return `${now}; none in the period before`;
  return `${now}; ${format.count(before)} in the period before (${changeSaid(events / before)})`;
}

const changeSaid = (fold: number): string =>
  fold === 0 ? "gone" : `${fold >= 1 ? "+" : "−"}${format.share(Math.abs(fold - 1))}`;
