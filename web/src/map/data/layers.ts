/** The datasets on the map: what the server announced, and what is loaded. */

import type { Dataset } from "./catalogue.ts";
import type { Columns, Plan } from "./columns.ts";
import type { Answer, Order } from "./columns.worker.ts";
import { LOCAL } from "../shell/link.ts";

export interface Layer {
  dataset: Dataset;
  /** Position in the palette; a layer keeps its colour as long as the page is open. */
  readonly hue: number;
  columns: Columns | null;
  /** Version that `columns` were read from. */
  version: number | null;
  loading: boolean;
  failure: string | null;
}

export class Layers {
  readonly #layers = new Map<string, Layer>();
  readonly #workers = new Map<string, { worker: Worker; version: number }>();
  readonly #changed: () => void;
  /** Whether versions are kept for a day without a network. */
  readonly #keeps: () => boolean;
  #hues = 0;

  /** Whether somebody wants to see this one: others are not loaded. */
  readonly #wanted: (layer: Layer) => boolean;

  constructor(changed: () => void, keeps: () => boolean, wanted: (layer: Layer) => boolean) {
    this.#changed = changed;
    this.#keeps = keeps;
    this.#wanted = wanted;
  }

  get all(): readonly Layer[] {
    return [...this.#layers.values()];
  }

  /** Takes over a new list: loads what is new or newer, drops what is gone, keeps the rest. */
  announce(datasets: readonly Dataset[]): void {
    const names = new Set(datasets.map((dataset) => dataset.name));
    for (const name of this.#layers.keys()) if (!names.has(name) && !name.startsWith(LOCAL)) this.#drop(name);
    for (const dataset of shownFirst(datasets)) {
      const layer = this.#layers.get(dataset.name) ?? this.#added(dataset);
      layer.dataset = dataset;
      this.#load(layer);
    }
    this.#changed();
  }

  /** Loads what is wanted by now. */
  catchUp(): void {
    for (const layer of this.all) this.#load(layer);
  }

  /** A layer with rows that no server has. */
  adopt(dataset: Dataset, columns: Columns): void {
    Object.assign(this.#added(dataset), { columns, version: dataset.version });
    this.#changed();
  }

  remove(name: string): void {
    this.#drop(name);
    this.#changed();
  }

  rename(name: string, title: string): void {
    const layer = this.#layers.get(name);
    if (layer) layer.dataset = { ...layer.dataset, title };
    this.#changed();
  }

  #added(dataset: Dataset): Layer {
    const hue = this.#hues++;
    const layer: Layer = {
      dataset, hue, columns: null, version: null, loading: false, failure: null,
    };
    this.#layers.set(dataset.name, layer);
    return layer;
  }

  #drop(name: string): void {
    this.#stop(name);
    this.#layers.delete(name);
  }

  #stop(name: string): void {
    this.#workers.get(name)?.worker.terminate();
    this.#workers.delete(name);
  }

  #load(layer: Layer): void {
    const { name, version, url, sha256, deltas } = layer.dataset;
    if (version === null || url === null || sha256 === null || version === layer.version) return;
    if (!this.#wanted(layer)) return;
    if (this.#workers.get(name)?.version === version) return;
    this.#stop(name); // a newer version is out: nobody needs the one under way
    const worker = new Worker(new URL("./columns.worker.ts", import.meta.url), { type: "module" });
    this.#workers.set(name, { worker, version });
    layer.loading = true;
    worker.onmessage = ({ data }: MessageEvent<Answer>) => this.#loaded(layer, data);
    worker.onerror = () => this.#loaded(layer, { failed: "its reader did not start" });
    const { columns } = layer;
    const have = columns && layer.version !== null ? { version: layer.version, bytes: columns.bytes } : null;
    const wanted = { name, version, url, sha256, steps: deltas ?? [] };
    worker.postMessage({ wanted, plan: planOf(layer.dataset), have, keep: this.#keeps() } satisfies Order);
  }

  /** A failed load keeps the rows of before; the next announcement tries again. */
  #loaded(layer: Layer, answer: Answer): void {
    this.#stop(layer.dataset.name);
    layer.loading = false;
    layer.failure = answer.failed;
    if ("columns" in answer && answer.version !== layer.version) {
      layer.columns = answer.columns;
      layer.version = answer.version;
    }
    this.#changed();
  }
}

/** They come first in the list, and have the colours that are farthest apart. */
const shownFirst = (datasets: readonly Dataset[]): Dataset[] =>
  [...datasets].sort((a, b) => +(b.shown ?? true) - +(a.shown ?? true));

const planOf = ({ time, colour, weight, arc, facets }: Dataset): Plan =>
  ({ time, colour, weight: weight ?? null, arc: typeof arc === "object" ? arc : null, facets: facets ?? [] });
