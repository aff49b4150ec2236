/** The records of a text with tabs, commas or semicolons between its cells. Pure. */

/** Why a file cannot be read, as the end of a sentence about it. */
export class BadFile extends Error {}

/** Rows by column; null is no value. */
export interface Rows {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
}

/** The header first; at most so many. Lines without anything are none. */
export function records(text: string, most: number): (string | null)[][] {
  const mark = markOf(text.slice(0, (text.indexOf("\n") + 1 || text.length + 1) - 1));
  return mark === "\t" ? tabbed(text, most) : quoted(text, mark, most);
}

const markOf = (header: string): string => {
  if (header.includes("\t")) return "\t";
  return header.split(";").length > header.split(",").length ? ";" : ",";
};

const ESCAPED: Readonly<Record<string, string>> = { t: "\t", n: "\n", r: "\r", "\\": "\\" };

/** As the datasets are written; a backslash before anything else stands for itself. */
function tabbed(text: string, most: number): (string | null)[][] {
  const found: (string | null)[][] = [];
  for (let at = 0; at < text.length && found.length <= most;) {
    const end = text.indexOf("\n", at) < 0 ? text.length : text.indexOf("\n", at);
    const line = text.slice(at, end).replace(/\r$/, "");
    if (line !== "") found.push(line.split("\t").map(plainCell));
    at = end + 1;
  }
  return found;
}

const plainCell = (cell: string): string | null =>
  (cell === "\\N" ? null : cell.replace(/\\([tnr\\])/g, (_, letter: string) => ESCAPED[letter]));

/** RFC 4180: a cell in quotes may hold the mark, line ends, and quotes twice. */
function quoted(text: string, mark: string, most: number): string[][] {
  // One cell and what ends it. A quote that is never closed takes the rest.
  const cell = new RegExp(`(?:"([^"]*(?:""[^"]*)*)(?:"|$)|([^"\\r\\n${mark}][^\\r\\n${mark}]*)?)(${mark}|\\r\\n|\\n|\\r|$)|[^]`, "y");
  const found: string[][] = [];
  let record: string[] = [];
  while (cell.lastIndex < text.length && found.length <= most) {
    const [, inside, outside, end] = cell.exec(text)!;
    if (end === undefined) { // text after a closing quote belongs to its cell
      record.push((record.pop() ?? "") + text[cell.lastIndex - 1]);
      continue;
    }
    record.push(inside?.replaceAll('""', '"') ?? outside ?? "");
    if (end === mark) continue;
    if (record.length > 1 || record[0] !== "") found.push(record);
    record = [];
  }
  if (record.length > 0) found.push([...record, ""]);
  return found;
}
