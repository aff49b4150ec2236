/** What this browser remembers of its analyst. Storage is denied to some hardened ones. */

export type Remembered = "by" | "waiting-first" | "theme" | "hues" | "keeps-nothing";

const name = (what: Remembered): string => `tidegate.${what}`;

export function remembered(what: Remembered): string {
  try {
    return localStorage.getItem(name(what)) ?? "";
  } catch {
    return "";
  }
}

export function remember(what: Remembered, value: string): void {
  try {
    localStorage.setItem(name(what), value);
  } catch {
    // see above
  }
}
