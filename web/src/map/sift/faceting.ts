/** How many rows have which value of a column, each column under all filters but its own. Pure. */

import type { Columns } from "../data/columns.ts";
import type { Test } from "./filters.ts";

/** A layer as it is counted: all rows, the part in the time range, and what filters them. */
export interface Counted {
  readonly columns: Columns;
  readonly slice: readonly [first: number, end: number];
  readonly tests: readonly Test[];
}

const SEVERAL = 255;

/** For each row which column's tests alone it fails: 0 none, SEVERAL more than one, else 1 + its position. */
function blamed({ slice: [first, end], tests }: Counted, columns: readonly string[]): Uint8Array {
  const blame = new Uint8Array(end - first);
  for (const { column, codes, allowed } of tests) {
    const own = columns.indexOf(column) + 1 || SEVERAL;
    for (let i = 0; i < blame.length; i++) {
      if (allowed[codes[first + i]] === 0) blame[i] = blame[i] === 0 || blame[i] === own ? own : SEVERAL;
    }
  }
  return blame;
}

/** By column and value, how many events there are; a row counts as often as its weight says. */
export function counted(layers: readonly Counted[], columns: readonly string[]): Map<string, Map<string, number>> {
  const all = new Map(columns.map((column) => [column, new Map<string, number>()]));
  for (const layer of layers) {
    const blame = blamed(layer, columns);
    columns.forEach((column, position) => {
      const facet = layer.columns.facets.get(column);
      if (facet === undefined) return;
      const sums = summed(layer, facet.codes, facet.names.length, blame, position + 1);
      const into = all.get(column)!;
      sums.forEach((sum, code) => {
        if (sum > 0) into.set(facet.names[code], (into.get(facet.names[code]) ?? 0) + sum);
      });
    });
  }
  return all;
}

function summed(
  { columns: { weight }, slice: [first] }: Counted, codes: Uint16Array | Uint32Array, size: number,
  blame: Uint8Array, own: number,
): Float64Array {
  const sums = new Float64Array(size);
  for (let i = 0; i < blame.length; i++) {
    if (blame[i] !== 0 && blame[i] !== own) continue;
    sums[codes[first + i]] += weight === null ? 1 : weight[first + i];
  }
  return sums;
}
