/** The TSV of the datasets: PostgreSQL's COPY text rules, see the golden vectors of the back end. */

const TAB = 9;
const LF = 10;
const BACKSLASH = 92;
const ESCAPED: Readonly<Record<string, string>> = { t: "\t", n: "\n", r: "\r", "\\": "\\" };
// Without ignoreBOM a cell that begins with U+FEFF would lose it.
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

export class BadTable extends Error {}

/** What a cell says; null is what the log had no value for. */
export function decodeCell(cell: string): string | null {
  if (cell === "\\N") return null;
  if (!cell.includes("\\")) return cell;
  return cell.replace(/\\(.?)/gs, (_, letter: string) => {
    const meant = ESCAPED[letter];
    if (meant === undefined) throw new BadTable(`unknown escape \\${letter}`);
    return meant;
  });
}

const WRITTEN: Readonly<Record<string, string>> = { "\t": "\\t", "\n": "\\n", "\r": "\\r", "\\": "\\\\", "\0": "\ufffd" };

/** The other way round: what was decoded comes back as it was. */
export const encodeCell = (value: string | null): string =>
  value === null ? "\\N" : value.replace(/[\t\n\r\\\0]/g, (letter) => WRITTEN[letter]);

export function decodeLine(line: string): (string | null)[] {
  return line.split("\t").map(decodeCell);
}

/** The column names, and where the first row begins. */
export function readHeader(bytes: Uint8Array): { columns: string[]; end: number } {
  const end = bytes.indexOf(LF);
  if (end < 0) throw new BadTable("the header has no end");
  return { columns: decodeLine(utf8.decode(bytes.subarray(0, end))).map(String), end: end + 1 };
}

/** Calls `visit` once per row; `cells[i]` is where cell i begins, and `cells[width]` is one past the
 *  row's end. The array is reused. */
export function eachRow(
  bytes: Uint8Array,
  start: number,
  width: number,
  visit: (cells: Uint32Array, row: number) => void,
): number {
  const cells = new Uint32Array(width + 1);
  let cell = 0;
  let row = 0;
  cells[0] = start;
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte !== TAB && byte !== LF) continue;
    cell++;
    if (cell > width || (byte === LF && cell !== width)) {
      throw new BadTable(`row ${row + 1} does not have ${width} columns`);
    }
    cells[cell] = at + 1;
    if (byte === TAB) continue;
    visit(cells, row++);
    cells[0] = at + 1;
    cell = 0;
  }
  if (cells[0] !== bytes.length) throw new BadTable("the last row has no end");
  return row;
}

export const isNull = (bytes: Uint8Array, from: number, to: number): boolean =>
  to - from === 2 && bytes[from] === BACKSLASH && bytes[from + 1] === 78;

/** The cells of one row, decoded only when somebody looks at it. */
export function rowAt(bytes: Uint8Array, start: number): (string | null)[] {
  const end = bytes.indexOf(LF, start);
  return decodeLine(utf8.decode(bytes.subarray(start, end)));
}

export function cellText(bytes: Uint8Array, from: number, to: number): string | null {
  return decodeCell(utf8.decode(bytes.subarray(from, to)));
}
