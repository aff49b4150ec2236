/** Numbers and moments as the analyst reads them: one locale, always UTC. */

const whole = new Intl.NumberFormat("en-US");

export const count = (value: number): string => whole.format(value);

export const rows = (value: number): string => `${count(value)} ${value === 1 ? "row" : "rows"}`;

/** 2026-11-21 03:29 */
export const minute = (moment: number): string =>
  new Date(moment).toISOString().slice(0, 16).replace("T", " ");

/** 03:29:12 */
export const clock = (moment: number): string => new Date(moment).toISOString().slice(11, 19);

/** 21 Nov */
export const day = (moment: number): string => days.format(moment);

const days = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });

const UNITS: readonly (readonly [string, number])[] = [
  ["d", 86_400], ["h", 3_600], ["min", 60], ["s", 1],
];

/** The two largest units of a length of time: "3 d 4 h", "12 min", "0 s". */
export function span(milliseconds: number): string {
  let left = Math.max(0, Math.round(milliseconds / 1_000));
  const parts: string[] = [];
  for (const [unit, size] of UNITS) {
    const some = Math.floor(left / size);
    if (some > 0) parts.push(`${some} ${unit}`);
    left -= some * size;
  }
  return parts.slice(0, 2).join(" ") || "0 s";
}

/** The largest unit alone: "3 d ago". */
export const ago = (milliseconds: number): string =>
  milliseconds < 1_000 ? "just now" : `${span(milliseconds).split(" ").slice(0, 2).join(" ")} ago`;

export function place(longitude: number, latitude: number): string {
  const part = (value: number, ahead: string, back: string): string =>
    `${Math.abs(value).toFixed(1)}° ${value < 0 ? back : ahead}`;
  return `${part(latitude, "N", "S")}, ${part(longitude, "E", "W")}`;
}

const short = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 2 });

/** 957, 1.2K, 34M */
export const compact = (value: number): string => (value < 1_000 ? whole : short).format(value);

const shares = new Intl.NumberFormat("en-US", { style: "percent", maximumSignificantDigits: 2 });

/** 31%, 0.02% */
export const share = (value: number): string => shares.format(value);
