/** The rows that pass facets and search: compact columns for each layer, made once for each choice.
 *
 *  Facets are compared as codes, at once. What only the text of a row can tell is asked of it in
 *  slices; until all have answered, the rows of before stay. */

import type { Choice } from "../choice.ts";
import { pickedRows, type Columns } from "../data/columns.ts";
import { GAPS } from "../data/gaps.ts";
import type { Layer } from "../data/layers.ts";
import { meaningOf, type Meaning } from "./meaning.ts";
import { Scans, type Term } from "./scan.ts";
import { cellIs, termOf } from "./terms.ts";

/** Before the name of a column: all values but these. */
export const EXCEPT = "!";
/** Stand for columns in `choice.facets`: which layer a row is of, and why it has no place. */
export const LAYER = "@layer";
export const PLACE = "@place";

/** One filter on one layer: a row passes if its code is allowed. */
export interface Test {
  /** The column, so that a facet can leave its own tests out; "" for the search. */
  readonly column: string;
  readonly codes: Uint8Array | Uint16Array | Uint32Array;
  readonly allowed: Uint8Array;
}

const ANSWERED = Uint8Array.of(0, 1);
const NONE = Uint8Array.of(0);

interface Kept {
  readonly base: Columns;
  readonly key: string;
  readonly tests: readonly Test[];
  readonly columns: Columns;
}

export class Filters {
  readonly #scans: Scans;
  readonly #kept = new Map<string, Kept>();
  #meaning: Meaning | null = null;

  /** `ready` is told when rows were read, and other ones pass now. */
  constructor(ready: () => void) {
    this.#scans = new Scans(ready);
  }

  get busy(): boolean {
    return this.#scans.busy;
  }

  /** How the search is understood. */
  get meaning(): Meaning | null {
    return this.#meaning;
  }

  /** Takes over a choice; afterwards `columnsOf` and `testsOf` answer for it. */
  sift(layers: readonly Layer[], choice: Choice): void {
    this.#meaning = meaningOf(choice.search, new Set(layers.flatMap(({ columns }) => columns?.names ?? [])));
    const key = JSON.stringify([choice.facets, choice.search]);
    const names = new Set(layers.map(({ dataset }) => dataset.name));
    for (const name of this.#kept.keys()) if (!names.has(name)) this.#kept.delete(name);
    const wanted = layers.flatMap((layer) => this.#sifted(layer, choice, key));
    this.#scans.want(wanted);
  }

  columnsOf({ dataset, columns }: Layer): Columns | null {
    return this.#kept.get(dataset.name)?.columns ?? columns;
  }

  /** None while the rows are newer than the last answer: the tests are of other rows. */
  testsOf({ dataset, columns }: Layer): readonly Test[] {
    const kept = this.#kept.get(dataset.name);
    return kept?.base === columns ? kept!.tests : [];
  }

  /** What still has to be read for this layer. */
  #sifted(layer: Layer, choice: Choice, key: string): [Columns, Term][] {
    const { dataset: { name }, columns: base } = layer;
    const kept = this.#kept.get(name);
    if (base === null || (kept?.base === base && kept.key === key)) return [];
    const questions = questionsOf(layer, base, choice, this.#meaning);
    const open = questions.terms.filter(({ term }) => this.#scans.answer([base, term]) === null);
    if (open.length > 0) {
      if (kept === undefined) this.#kept.set(name, { base, key: "", tests: [], columns: pickedRows(base, new Uint32Array()) });
      return open.map(({ term }) => [base, term]);
    }
    const tests = [...questions.tests, ...questions.terms.map(({ column, term, allowed }) =>
      ({ column, codes: this.#scans.answer([base, term])!, allowed }))];
    const columns = tests.length === 0 ? base : pickedRows(base, passing(tests, base.time.length));
    this.#kept.set(name, { base, key, tests, columns });
    return [];
  }
}

interface Asked {
  readonly column: string;
  readonly term: Term;
  readonly allowed: Uint8Array;
}

/** The filters that codes can answer, and those that need the text of each row. */
export function questionsOf(layer: Layer, base: Columns, { facets }: Choice, meaning: Meaning | null): {
  tests: Test[]; terms: Asked[];
} {
  const tests: Test[] = [];
  const terms: Asked[] = [];
  for (const [key, values] of Object.entries(facets)) {
    if (values.length === 0) continue;
    const asked = facetOf(layer, base, key, values);
    if (asked !== null) ("term" in asked ? terms.push(asked) : tests.push(asked));
  }
  const term = meaning && termOf(meaning, base.names);
  if (term) terms.push({ column: "", term, allowed: ANSWERED });
  else if (meaning) tests.push(nobody(base, ""));
  return { tests, terms };
}

const nobody = (base: Columns, column: string): Test => ({ column, codes: new Uint8Array(base.time.length), allowed: NONE });

function facetOf(layer: Layer, base: Columns, key: string, values: readonly string[]): Test | Asked | null {
  const except = key.startsWith(EXCEPT);
  const column = except ? key.slice(1) : key;
  if (column === LAYER) return values.includes(layer.dataset.name) !== except ? null : nobody(base, column);
  const coded = column === PLACE ? { codes: base.gap, names: GAPS as readonly string[] } : base.facets.get(column);
  if (coded) {
    const wanted = new Set(values);
    return { column, codes: coded.codes, allowed: Uint8Array.from(coded.names, (name) => +(wanted.has(name) !== except)) };
  }
  const term = cellIs(column, values, base.names);
  if (term) return { column, term, allowed: except ? Uint8Array.of(1, 0) : ANSWERED };
  // Without the column nothing has the value. Actors are no events: they stay where they know nothing of it.
  return except || layer.dataset.kind === "actors" ? null : nobody(base, column);
}

/** The rows that pass all tests, in their order. */
export function passing(tests: readonly Test[], rows: number): Uint32Array {
  const out = new Uint8Array(rows);
  for (const { codes, allowed } of tests) {
    for (let row = 0; row < rows; row++) out[row] |= allowed[codes[row]] ^ 1;
  }
  let left = 0;
  const found = new Uint32Array(rows);
  for (let row = 0; row < rows; row++) if (out[row] === 0) found[left++] = row;
  return found.slice(0, left);
}
