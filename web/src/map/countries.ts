/** Names of countries. A log may say a code of ISO 3166 or any name; we show names. */

const names = new Intl.DisplayNames(["en"], { type: "region", fallback: "code" });

/** A code as a name; whatever else a log calls a country stays as it is. */
export const countryName = (code: string): string => (/^[A-Z]{2}$/.test(code) ? (names.of(code) ?? code) : code);

/** What people and maps call them besides. */
const ALSO: Readonly<Record<string, string>> = {
  "usa": "US", "united states of america": "US", "uk": "GB", "great britain": "GB", "turkey": "TR", "türkiye": "TR",
  "korea": "KR", "south korea": "KR", "korea rep.": "KR", "north korea": "KP", "dem. rep. korea": "KP",
  "czech republic": "CZ", "czech rep.": "CZ", "ivory coast": "CI", "burma": "MM", "holland": "NL",
  "bosnia and herz.": "BA", "macedonia": "MK", "palestine": "PS", "dem. rep. congo": "CD", "congo": "CG",
  "dominican rep.": "DO", "central african rep.": "CF", "eq. guinea": "GQ", "s. sudan": "SS", "w. sahara": "EH",
  "solomon is.": "SB", "falkland is.": "FK", "vatican": "VA", "swaziland": "SZ", "cape verde": "CV",
};

const plain = (name: string): string => name.toLowerCase().normalize("NFD").replace(/[\u0300-\u036f]/g, "")
  .replace(/&/g, "and").replace(/\s+/g, " ").trim();

let codes: Map<string, string> | null = null;

/** The code of a name, in whatever capitals and with or without accents; null for no name of a country. */
export function countryCode(name: string): string | null {
  codes ??= new Map([...everyCode(), ...Object.entries(ALSO).map(([also, code]) => [plain(also), code] as const)]);
  return codes.get(plain(name)) ?? null;
}

function* everyCode(): Generator<readonly [string, string]> {
  for (let i = 0; i < 26 * 26; i++) {
    const code = String.fromCharCode(65 + Math.floor(i / 26), 65 + (i % 26));
    // Old codes have names too: the newer one, which sorts after it or not, is the one in use.
    if (!OLD.has(code) && countryName(code) !== code) yield [plain(countryName(code)), code];
  }
}

const OLD = new Set(["AN", "BU", "CS", "DD", "DY", "FX", "HV", "NH", "QU", "RH", "SU", "TP", "UK", "VD", "YD", "YU", "ZR", "ZZ", "EU", "EZ", "UN", "XA", "XB", "QO"]);
