/** What the wallboard shows next. Pure. */

import type { Layer } from "../data/layers.ts";
import type { Selected } from "../sift/selection.ts";
import { rowAt } from "../data/tsv.ts";

/** The layer that is shown alone; null for all of them. */
export type Turn = string | null;

/** After all layers the first, after the last all again; of one or none there are no turns. */
export function turnAfter(turn: Turn, names: readonly string[]): Turn {
  if (names.length < 2) return null;
  return names[turn === null ? 0 : names.indexOf(turn) + 1] ?? null;
}

export interface Event {
  readonly layer: Layer;
  readonly time: number;
  readonly label: string;
  readonly country: string;
}

/** The newest rows of all, newest first; those without a time are none. */
export function newest(shown: readonly Selected[], most: number): Event[] {
  const latest = shown.flatMap(({ layer, columns, slice: [first, end] }) =>
    Array.from({ length: Math.min(most, end - first) }, (_, i) => ({ layer, columns, row: end - 1 - i, time: columns.time[end - 1 - i] })));
  const dated = latest.filter(({ time }) => Number.isFinite(time)).sort((a, b) => b.time - a.time).slice(0, most);
  return dated.map(({ layer, columns, row, time }) => {
    const cells = rowAt(columns.bytes, columns.start[row]);
    const cell = (name: string): string => cells[columns.names.indexOf(name)] ?? "";
    return { layer, time, label: cell(layer.dataset.label).slice(0, 120), country: cell("Country").slice(0, 60) };
  });
}
