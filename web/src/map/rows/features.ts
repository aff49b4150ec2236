/** Rows as points of RFC 7946. Pure. */

/** The text of a cell as its declared type says; what does not fit the type stays text. */
export function typed(value: string | null, type: string): string | number | boolean | null {
  if (value === null) return null;
  if (type === "bool") return value === "true" || (value === "false" ? false : value);
  if (type !== "int" && type !== "long" && type !== "real") return value;
  const number = value.trim() === "" ? NaN : Number(value);
  const exact = Number.isFinite(number) && (type === "real" || Number.isSafeInteger(number));
  return exact ? number : value; // beyond 2^53 a number would be another one
}

export interface Point {
  readonly latitude: number;
  readonly longitude: number;
  readonly properties: Readonly<Record<string, unknown>>;
}

export const feature = ({ latitude, longitude, properties }: Point): string =>
  JSON.stringify({ type: "Feature", geometry: { type: "Point", coordinates: [longitude, latitude] }, properties });

/** What goes before and after the features, which commas part. */
export const collection = (facts: Readonly<Record<string, unknown>>): readonly [before: string, after: string] =>
  [`${JSON.stringify({ type: "FeatureCollection", ...facts }).slice(0, -1)},"features":[\n`, "\n]}\n"];
