/** Changes to the chosen values of columns. Pure; a column without a value left is forgotten. */

import { NO_VALUE } from "../data/coded.ts";
import { nameOf } from "../data/codes.ts";
import { EXCEPT, LAYER, PLACE } from "./filters.ts";

export type Chosen = Readonly<Record<string, readonly string[]>>;

export const isChosen = (chosen: Chosen, key: string, value: string): boolean =>
  Object.hasOwn(chosen, key) && chosen[key].includes(value);

/** The value joins the others of its column, or leaves them. */
export function toggled(chosen: Chosen, key: string, value: string): Chosen {
  const has = isChosen(chosen, key, value);
  const before = Object.hasOwn(chosen, key) ? chosen[key] : [];
  return withValues(chosen, key, has ? before.filter((one) => one !== value) : [...before, value]);
}

/** Nothing but this value of the column. */
export const only = (chosen: Chosen, column: string, value: string | null): Chosen =>
  withValues(withValues(chosen, EXCEPT + column, []), column, [value ?? NO_VALUE]);

/** Everything but this value, and but those that were excluded before. */
export function except(chosen: Chosen, column: string, value: string | null): Chosen {
  const wanted = value ?? NO_VALUE;
  const rest = isChosen(chosen, column, wanted) ? toggled(chosen, column, wanted) : chosen;
  return isChosen(rest, EXCEPT + column, wanted) ? rest : toggled(rest, EXCEPT + column, wanted);
}

export const cleared = (chosen: Chosen, column: string): Chosen =>
  withValues(withValues(chosen, column, []), EXCEPT + column, []);

const withValues = (chosen: Chosen, key: string, values: readonly string[]): Chosen =>
  Object.fromEntries([...Object.entries(chosen).filter(([name]) => name !== key), ...(values.length ? [[key, values]] : [])]);

/** A value as the analyst reads it. */
export const valueText = (column: string, value: string): string =>
  value === "" ? "(empty)" : column === "Country" ? nameOf(value) : value;

const NAMES: Readonly<Record<string, string>> = { [LAYER]: "Layer", [PLACE]: "No place" };

export const columnText = (column: string): string => (Object.hasOwn(NAMES, column) ? NAMES[column] : column);

export interface Chip {
  readonly key: string;
  readonly value: string;
  readonly text: string;
}

/** One for each value that is chosen or excluded. */
export const chips = (chosen: Chosen): Chip[] =>
  Object.entries(chosen).flatMap(([key, values]) => values.map((value) => ({ key, value, text: chipText(key, value) })));

function chipText(key: string, value: string): string {
  const out = key.startsWith(EXCEPT);
  const column = out ? key.slice(1) : key;
  return `${out ? "not " : ""}${columnText(column)}: ${valueText(column, value)}`;
}
