/** The rows of one spot by what names them. */

import { fieldAt } from "../data/cells.ts";
import type { Hit } from "../draw/pick.ts";
import type { Told } from "../told.ts";

export interface Group {
  readonly label: string;
  readonly hits: readonly Hit[];
}

/** In order of appearance. */
export function grouped<T>(items: readonly T[], of: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const name = of(item);
    const group = groups.get(name);
    if (group) group.push(item);
    else groups.set(name, [item]);
  }
  return groups;
}

/** Those with the most rows first. */
export function byLabel(hits: readonly Hit[], { shown }: Pick<Told, "shown">): Group[] {
  const groups = grouped(hits, ({ layer, row }) => {
    const { layer: { dataset }, columns } = shown[layer];
    return fieldAt(columns, row, dataset.label) || dataset.title;
  });
  return [...groups].map(([label, all]) => ({ label, hits: all })).sort((a, b) => b.hits.length - a.hits.length);
}
