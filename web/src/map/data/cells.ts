/** What the cells of a row say. */

import type { Columns } from "./columns.ts";
import { cellAt } from "../sift/terms.ts";
import { cellText, rowAt } from "./tsv.ts";

/** Null for no value, and for a column that the table does not have. */
export function fieldAt({ names, bytes, start }: Columns, row: number, column: string): string | null {
  const index = names.indexOf(column);
  return index < 0 ? null : cellText(bytes, ...cellAt(bytes, start[row], bytes.indexOf(10, start[row]), index));
}

/** The cells of a row by column name, declared columns first. */
export function fieldsOf({ names, bytes, start }: Columns, row: number): Map<string, string | null> {
  const cells = rowAt(bytes, start[row]);
  return new Map(names.map((name, i) => [name, cells[i]]));
}
