/** Moments as files of others write them. Pure. */

const SECONDS = /^\d{9,10}(\.\d+)?$/;
const MILLISECONDS = /^\d{12,13}$/;
const ZONED = /(z|utc|gmt|[+-]\d{2}:?\d{2})$/i;
const FIRST = Date.UTC(1970, 0);
const LAST = Date.UTC(2200, 0);

/** Milliseconds since 1970; NaN for what is no time. A time without a zone is taken for UTC. */
export function instantOf(text: string): number {
  const given = text.trim().slice(0, 64);
  const moment = SECONDS.test(given) ? Number(given) * 1_000 : MILLISECONDS.test(given) ? Number(given) : written(given);
  return moment >= FIRST && moment < LAST ? Math.floor(moment) : NaN;
}

function written(text: string): number {
  if (!/\d{4}/.test(text) || !/\D/.test(text)) return NaN; // 2024 is a number before it is a year
  if (ZONED.test(text) || /^\d{4}-\d\d-\d\d$/.test(text)) return Date.parse(text);
  const iso = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(text);
  return Date.parse(iso ? `${text.replace(" ", "T")}Z` : `${text} UTC`);
}
