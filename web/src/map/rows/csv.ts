/** Cells of a CSV that no spreadsheet takes for a formula. Pure. */

// Full-width forms too: spreadsheets in East Asia read them as the plain ones.
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/;
const NUMBER = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i;
const QUOTED = /[",\r\n]|^\s|\s$/;

/** By RFC 4180. A null is nothing at all, an empty text is a pair of quotes. Where a spreadsheet would
 *  calculate, an apostrophe stands before; numbers stay numbers. */
export function csvCell(value: string | null): string {
  if (value === null) return "";
  const safe = FORMULA.test(value) && !NUMBER.test(value) ? `'${value}` : value;
  return safe === "" || QUOTED.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export const csvLine = (cells: readonly (string | null)[]): string => `${cells.map(csvCell).join(",")}\r\n`;
