/** What logs call a country, as a code of ISO 3166 that the map knows. */

const names = new Intl.DisplayNames(["en"], { type: "region", fallback: "none" });
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** Spellings of logs and registries that the English name in the browser is not. */
const ALIASES: readonly (readonly [string, string])[] = [
  ["great britain", "GB"], ["usa", "US"], ["united states of america", "US"],
  ["turkey", "TR"], ["türkiye", "TR"], ["korea", "KR"], ["korea, republic of", "KR"], ["republic of korea", "KR"],
  ["korea, democratic people's republic of", "KP"], ["russian federation", "RU"], ["czech republic", "CZ"],
  ["ivory coast", "CI"], ["côte d'ivoire", "CI"], ["viet nam", "VN"], ["iran, islamic republic of", "IR"],
  ["syrian arab republic", "SY"], ["macedonia", "MK"], ["swaziland", "SZ"], ["cape verde", "CV"], ["burma", "MM"],
  ["hong kong", "HK"], ["macao", "MO"], ["macau", "MO"], ["palestine", "PS"], ["taiwan, province of china", "TW"],
  ["moldova, republic of", "MD"], ["tanzania, united republic of", "TZ"], ["myanmar", "MM"], ["bolivia, plurinational state of", "BO"],
  ["venezuela, bolivarian republic of", "VE"], ["lao people's democratic republic", "LA"], ["the netherlands", "NL"],
  ["brunei darussalam", "BN"], ["democratic republic of the congo", "CD"],
];

/** Parts that the map draws as a piece of another country. */
const DRAWN_AS: Readonly<Record<string, string>> = {
  GF: "FR", GP: "FR", MQ: "FR", RE: "FR", YT: "FR", SJ: "NO", BV: "NO", BQ: "NL", CC: "AU", CX: "AU", GI: "GB", EL: "GR",
};

let spelled: Map<string, string> | null = null;

function spellings(): Map<string, string> {
  const codes = [...LETTERS].flatMap((a) => [...LETTERS].map((b) => a + b));
  const named = codes.flatMap((code) => {
    const name = names.of(code);
    return name ? [[name.toLowerCase(), current(code)] as const] : [];
  });
  return new Map([...named, ...ALIASES]);
}

/** Codes of the past lead to their successors: DD to DE, UK to GB. */
const current = (code: string): string => new Intl.Locale(`und-${code}`).region ?? code;

/** Null for what names no country. */
export function codeOf(text: string): string | null {
  const plain = text.trim();
  if (/^[A-Za-z]{2}$/.test(plain)) {
    const code = current(plain.toUpperCase());
    return Object.hasOwn(DRAWN_AS, code) ? DRAWN_AS[code] : code;
  }
  spelled ??= spellings();
  return spelled.get(plain.toLowerCase().replaceAll("’", "'")) ?? null;
}

/** The English name of a code. */
export const nameOf = (code: string): string => (/^[A-Z]{2}$/.test(code) ? (names.of(code) ?? code) : code);
