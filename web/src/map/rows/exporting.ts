/** The selected rows as a file, written in slices. */

import { defanged } from "../../text.ts";
import { csvLine } from "./csv.ts";
import { collection, feature, typed } from "./features.ts";
import { isPlain } from "./links.ts";
import type { Found, Rows } from "./rows.ts";
import { LAYER_NAME } from "./rows.ts";
import { sliced } from "../sift/tasks.ts";
import { encodeCell, rowAt } from "../data/tsv.ts";

export type Format = "csv" | "tsv" | "geojson";

export interface Wish {
  readonly format: Format;
  /** Write addresses and the like so that nothing opens them by a click. */
  readonly defang: boolean;
  /** Begin with a byte-order mark, by which Excel knows UTF-8. */
  readonly mark: boolean;
}

export interface Written {
  readonly file: Blob;
  readonly rows: number;
  /** Rows that the format has no way to tell. */
  readonly left: number;
}

const TYPES: Readonly<Record<Format, string>> = {
  csv: "text/csv;charset=utf-8", tsv: "text/tab-separated-values;charset=utf-8", geojson: "application/geo+json",
};
const CHUNK = 4_000_000; // characters that are handed to the browser at once

export async function exported(
  rows: Rows, wish: Wish, signal: AbortSignal, progress: (share: number) => void,
): Promise<Written> {
  const sheet = new Sheet(rows, wish);
  const parts: Blob[] = [];
  let [text, left] = [sheet.before, 0];
  const flush = (): void => {
    parts.push(new Blob([text]));
    text = "";
  };
  await sliced(rows.length, signal, (from, to) => {
    for (let i = from; i < to; i++) {
      const line = sheet.line(rows.at(i));
      if (line === null) left++;
      else text += line;
    }
    if (text.length > CHUNK) flush();
  }, progress);
  text += sheet.after;
  flush();
  return { file: new Blob(parts, { type: TYPES[wish.format] }), rows: rows.length - left, left };
}

/** What is written before, for, and after the rows. */
export class Sheet {
  readonly columns: readonly string[];
  readonly before: string;
  readonly after: string;
  readonly #wish: Wish;
  readonly #several: boolean;
  #first = true;

  constructor({ sources }: Pick<Rows, "sources">, wish: Wish) {
    this.#wish = wish;
    // One layer is written as it came; several need to say which is which.
    this.#several = sources.length > 1;
    this.columns = [...new Set([...(this.#several ? [LAYER_NAME] : []), ...sources.flatMap(({ columns }) => columns.names)])];
    [this.before, this.after] = this.#frame(sources);
  }

  #frame(sources: Rows["sources"]): readonly [string, string] {
    const { format, mark } = this.#wish;
    if (format === "csv") return [(mark ? "\ufeff" : "") + csvLine(this.columns), ""];
    if (format === "tsv") return [`${this.columns.map(encodeCell).join("\t")}\n`, ""];
    const unlocated = sources.reduce((sum, { columns: { gap }, slice: [first, end] }) =>
      sum + gap.subarray(first, end).reduce((some, one) => some + +(one !== 0), 0), 0);
    return collection({ note: "Positions are approximate. Rows without a place are left out.", unlocated });
  }

  /** Null for a row that cannot be told. */
  line(found: Found): string | null {
    if (this.#wish.format === "geojson") return this.#feature(found);
    const cells = this.#cells(found);
    return this.#wish.format === "csv" ? csvLine(cells) : `${cells.map(encodeCell).join("\t")}\n`;
  }

  #cells({ source: { layer, columns: { bytes, start, names } }, row }: Found): (string | null)[] {
    const cells = rowAt(bytes, start[row]);
    return this.columns.map((column) => {
      if (this.#several && column === LAYER_NAME) return layer.dataset.title;
      return this.#shown(column, cells[names.indexOf(column)] ?? null);
    });
  }

  #shown(column: string, value: string | null): string | null {
    return value === null || !this.#wish.defang || isPlain(column, value) ? value : defanged(value);
  }

  #feature({ source: { layer: { dataset }, columns: { bytes, start, names, gap } }, row }: Found): string | null {
    if (gap[row] !== 0) return null;
    const cells = rowAt(bytes, start[row]);
    const types = new Map(dataset.columns.map(({ name, type }) => [name, type]));
    const of = (name: string): number => Number(cells[names.indexOf(name)]);
    const rest = names.map((name, i) => [name, typed(this.#shown(name, cells[i]), types.get(name) ?? "string")] as const)
      .filter(([name]) => name !== "Latitude" && name !== "Longitude");
    const comma = this.#first ? "" : ",\n";
    this.#first = false;
    const properties = Object.fromEntries([[LAYER_NAME, dataset.title], ...rest]);
    return comma + feature({ latitude: of("Latitude"), longitude: of("Longitude"), properties });
  }
}

/** What the file holds and when: letters that every system takes. */
export function fileName(datasets: readonly string[], range: { from: number; to: number } | null, extension: string): string {
  const what = datasets.length === 1 ? datasets[0].replace(/[^\w-]+/g, "_") : "map";
  const stamp = (moment: number): string => `${new Date(moment).toISOString().slice(0, 16).replace(/[-:]/g, "")}Z`;
  return ["tidegate", what, ...(range ? [stamp(range.from), stamp(range.to)] : [])].join("-") + `.${extension}`;
}
