/** What a server sent, taken for what it should be. What is missing or odd becomes nothing. Pure. */

export type Fields = Readonly<Record<string, unknown>>;

export const isFields = (sent: unknown): sent is Fields => typeof sent === "object" && sent !== null && !Array.isArray(sent);

export const fields = (sent: unknown): Fields => (isFields(sent) ? sent : {});

export const list = (sent: unknown): readonly unknown[] => (Array.isArray(sent) ? sent : []);

export const text = (sent: unknown): string => (typeof sent === "string" ? sent : "");

export const texts = (sent: unknown): string[] => list(sent).map(text).filter((one) => one !== "");

export const figure = (sent: unknown): number | null => (typeof sent === "number" && Number.isFinite(sent) ? sent : null);

/** How many there are: whole, and no fewer than none. */
export const many = (sent: unknown): number => Math.max(0, Math.round(figure(sent) ?? 0));

/** A moment as ISO text; null where it is none that there can be. */
export const time = (sent: unknown): string | null => (Number.isFinite(Date.parse(text(sent))) ? text(sent) : null);

/** Names and how many of each there are, the most first. */
export const counts = (sent: unknown): (readonly [name: string, count: number])[] =>
  Object.entries(fields(sent)).map(([name, count]) => [name, many(count)] as const)
    .filter(([, count]) => count > 0)
    .sort(([a, one], [b, two]) => two - one || (a < b ? -1 : 1));
