/** The rows that the choice leaves: of each layer its columns, and the part in the time range. */

import type { Choice } from "./choice.ts";
import type { Columns } from "./columns.ts";
import type { Layer } from "./layers.ts";
import { extent, sliceOf, type Range } from "./slice.ts";

/** A layer with rows. `columns` are those that pass the filters, `slice` is the time range in them. */
export interface Selected {
  readonly layer: Layer;
  readonly columns: Columns;
  readonly slice: readonly [first: number, end: number];
}

/** Of every layer that has rows, switched on or off. */
export function selected(layers: readonly Layer[], choice: Choice): Selected[] {
  return layers.flatMap((layer) => {
    if (layer.columns === null) return [];
    return [{ layer, columns: layer.columns, slice: sliceOf(layer.columns.time, choice.range) }];
  });
}

export const isShown = (layer: Layer, choice: Choice): boolean => !choice.hidden.includes(layer.dataset.name);

/** From the first to the last moment of all layers: what the choice leaves out does not move it. */
export const domainOf = (layers: readonly Layer[]): Range | null =>
  extent(layers.flatMap(({ columns }) => (columns ? [columns.time] : [])));
