/** The rows that the choice leaves: of each layer its columns, and the part in the time range. */

import type { Dataset } from "../data/catalogue.ts";
import type { Choice } from "../choice.ts";
import type { Columns } from "../data/columns.ts";
import type { Filters } from "./filters.ts";
import type { Layer } from "../data/layers.ts";
import { extent, sliceOf, type Range } from "../data/slice.ts";

/** A layer with rows. `columns` are those that pass the filters, `slice` is the time range in them. */
export interface Selected {
  readonly layer: Layer;
  readonly columns: Columns;
  readonly slice: readonly [first: number, end: number];
}

/** Of every layer that has rows, switched on or off. The filters must have sifted them. */
export function selected(layers: readonly Layer[], choice: Choice, filters: Filters): Selected[] {
  return layers.flatMap((layer) => {
    const columns = filters.columnsOf(layer);
    return columns === null ? [] : [{ layer, columns, slice: sliceOf(columns.time, rangeOf(layer, choice)) }];
  });
}

/** Actors are always there: when somebody wrote of them is no moment of an event. */
export const rangeOf = ({ dataset }: Layer, { range }: Choice): Range | null => (dataset.kind === "actors" ? null : range);

export const isShown = ({ dataset }: { readonly dataset: Dataset }, { flipped }: Pick<Choice, "flipped">): boolean =>
  (dataset.shown ?? true) !== flipped.includes(dataset.name);

/** The layers of these names switched: what was on is off, what was off is on. */
export const flipping = (flipped: readonly string[], names: readonly string[]): readonly string[] =>
  [...flipped.filter((name) => !names.includes(name)), ...names.filter((name) => !flipped.includes(name))];

/** From the first to the last moment of all layers: what the choice leaves out does not move it. */
export const domainOf = (layers: readonly Layer[]): Range | null =>
  extent(layers.flatMap(({ dataset, columns }) => (columns && dataset.kind !== "actors" ? [columns.time] : [])));
