/** Clusters under the keyboard: one button that Tab reaches and arrow keys move from each to the next. */

import { radiusOf, type Cluster } from "./clusters.ts";
import { el, part } from "../../dom.ts";
import { counted } from "./found.ts";
import type { Spots } from "../rows/spots.ts";
import type { Stage } from "./stage.ts";
import type { Listener, Told } from "../told.ts";
import { toScreen, type View } from "./view.ts";

const HELP = "Arrow keys go to the next, Enter looks closer or lists the rows.";
const WAYS: Readonly<Record<string, readonly [x: number, y: number]>> = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
};

export class Rove implements Listener {
  readonly #stage: Stage;
  readonly #spots: Spots;
  readonly #view: () => View;
  readonly #button = el("button", { type: "button", class: "rove", hidden: true });
  #told: Told | null = null;
  #at: Cluster | null = null;

  constructor(stage: Stage, spots: Spots, view: () => View) {
    this.#stage = stage;
    this.#spots = spots;
    this.#view = view;
    part("marks").after(this.#button);
    this.#button.addEventListener("focus", () => this.#look());
    this.#button.addEventListener("blur", () => spots.hover(null));
    this.#button.addEventListener("click", () => this.#at && spots.pin(this.#place(this.#at)));
    this.#button.addEventListener("keydown", (event) => this.#key(event));
  }

  show(told: Told): void {
    this.#told = told;
    this.#button.hidden = told.choice.drawing !== "clusters";
    this.moved();
  }

  /** The clusters are others, or elsewhere: stays with the same one, or goes to the nearest. */
  moved(): void {
    if (this.#button.hidden) return;
    const seen = this.#seen();
    const same = seen.find(({ id }) => id === this.#at?.id);
    this.#go(same ?? (this.#at ? nearest(seen, this.#at) : null) ?? seen[0] ?? null);
  }

  #seen(): readonly Cluster[] {
    const { width, height } = this.#stage.size;
    return this.#stage.pictured.clusters.filter((cluster) => {
      const [px, py] = this.#place(cluster);
      return px >= 0 && py >= 0 && px <= width && py <= height;
    });
  }

  #place({ x, y }: Cluster): [px: number, py: number] {
    return toScreen(this.#view(), this.#stage.size, x, y);
  }

  #go(cluster: Cluster | null): void {
    this.#at = cluster;
    this.#button.disabled = cluster === null;
    if (cluster === null) return;
    const [[px, py], radius] = [this.#place(cluster), radiusOf(cluster.events) + 3];
    const { style } = this.#button;
    style.left = `${px - radius}px`;
    style.top = `${py - radius}px`;
    style.width = style.height = `${2 * radius}px`;
    const rows = this.#told ? counted(this.#told, cluster.events) : "";
    this.#button.setAttribute("aria-label", `Cluster of ${rows}. ${HELP}`);
    if (document.activeElement === this.#button) this.#look();
  }

  #look(): void {
    if (this.#at && this.#button.matches(":focus-visible")) this.#spots.hover(this.#place(this.#at));
  }

  #key(event: KeyboardEvent): void {
    const way = WAYS[event.key];
    if (way === undefined || this.#at === null) return;
    event.preventDefault();
    this.#go(next(this.#seen(), this.#at, way) ?? this.#at);
  }
}

const nearest = (clusters: readonly Cluster[], to: Cluster): Cluster | null =>
  clusters.reduce<Cluster | null>((best, one) => (best && distance(best, to) <= distance(one, to) ? best : one), null);

const distance = (a: Cluster, b: Cluster): number => Math.hypot(a.x - b.x, a.y - b.y);

/** The nearest one that lies more in a direction than beside it. */
export function next(clusters: readonly Cluster[], from: Cluster, [wx, wy]: readonly [number, number]): Cluster | null {
  const ahead = clusters.filter(({ x, y }) => {
    const along = (x - from.x) * wx + (y - from.y) * wy;
    const beside = Math.abs((x - from.x) * wy) + Math.abs((y - from.y) * wx);
    return along > 0 && along >= beside;
  });
  return nearest(ahead, from);
}
