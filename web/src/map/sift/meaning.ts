/** What an analyst means by what was typed into the search box. Pure. */

import { codeOf, nameOf } from "../data/codes.ts";
import { addressOf, addressText, networkOf, networkText, type Address, type Network } from "./ip.ts";

export type Meaning =
  | { readonly kind: "address"; readonly address: Address }
  | { readonly kind: "network"; readonly network: Network }
  | { readonly kind: "country"; readonly code: string }
  | { readonly kind: "column"; readonly column: string; readonly text: string }
  | { readonly kind: "user" | "text"; readonly text: string };

const USER = /^[^\s@/:]+@[^\s@/:]+\.[^\s@/:]+$/;

/** Null for what means nothing. `columns` are the names that may stand before a colon. */
export function meaningOf(typed: string, columns: ReadonlySet<string>): Meaning | null {
  const text = refanged(typed.trim());
  if (text === "") return null;
  const network = networkOf(text);
  if (network) return { kind: "network", network };
  const address = addressOf(text);
  if (address) return { kind: "address", address };
  return qualified(text, columns) ?? country(text) ?? { kind: USER.test(text) ? "user" : "text", text };
}

/** What was made unclickable, as it was: hxxps[:]//evil[.]example, user[@]example.com. */
export const refanged = (text: string): string =>
  text.replace(/\bh(?:xx|tt|\*\*)p(s?)(?=:|\[:|\()/gi, "http$1").replace(/[[({](\.|dot)[\])}]/gi, ".")
    .replace(/\[(:|:\/\/|@)\]/g, "$1").replace(/\[at\]/gi, "@");

function qualified(text: string, columns: ReadonlySet<string>): Meaning | null {
  const [, name, rest] = /^([^:\s]+)\s*:\s*(.+)$/.exec(text) ?? [];
  if (name === undefined) return null;
  const named = [...columns].find((column) => column.toLowerCase() === name.toLowerCase());
  return named === undefined ? null : { kind: "column", column: named, text: rest };
}

/** Two capitals or a whole name; two small letters are rather part of a word. */
function country(text: string): Meaning | null {
  const two = text.length === 2;
  const code = two && (/[a-z]/.test(text) || nameOf(text) === text) ? null : codeOf(text);
  return code === null ? null : { kind: "country", code: two ? text : code };
}

/** Says how it was understood: "12 rows in 192.0.2.0/24" is this after the number. */
export function said(meaning: Meaning): string {
  switch (meaning.kind) {
    case "address": return `with the address ${addressText(meaning.address)}`;
    case "network": return `in ${networkText(meaning.network)}`;
    case "country": return `in ${nameOf(meaning.code)} (${meaning.code})`;
    case "column": return `with “${meaning.text}” in ${meaning.column}`;
    case "user": return `with the user ${meaning.text}`;
    case "text": return `with “${meaning.text}”`;
  }
}
