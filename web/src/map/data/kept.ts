/** What this browser keeps for a day without a network: the list of datasets, and of each one version.
 *
 *  It lies in the browser's cache storage, which insecure pages and hardened browsers do not have:
 *  then nothing is kept. Keeping is never worth an error, so a full disk is no failure either. */

const STORE = "tidegate-data-1"; // another number whenever something else is kept
const FAMILY = "tidegate-data-";
const LISTING = "/kept/datasets";
const MOST_EACH = 64 << 20;
const MOST_ALL = 256 << 20;

export interface KeptVersion {
  readonly version: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface KeptListing {
  readonly body: unknown;
  /** When the server said it, in milliseconds. */
  readonly at: number;
}

const versionOf = (name: string): string => `/kept/versions/${encodeURIComponent(name)}`;

const store = async (): Promise<Cache | null> =>
  (globalThis.caches === undefined ? null : caches.open(STORE).catch(() => null));

const figure = (answer: Response, header: string): number => Number(answer.headers.get(header) ?? NaN);

/** Keeps the list, and forgets the versions of datasets that are gone. */
export async function keepListing(body: unknown, names: readonly string[], at: number): Promise<void> {
  const cache = await store();
  if (cache === null) return;
  const headers = { "X-At": String(at) };
  await cache.put(LISTING, new Response(JSON.stringify(body), { headers })).catch(() => {});
  const wanted = new Set([LISTING, ...names.map(versionOf)]);
  for (const request of await cache.keys()) {
    if (!wanted.has(new URL(request.url).pathname)) await cache.delete(request);
  }
}

export async function keptListing(): Promise<KeptListing | null> {
  const answer = await (await store())?.match(LISTING);
  const body: unknown = await answer?.json().catch(() => null);
  const at = answer ? figure(answer, "X-At") : NaN;
  return body === null || Number.isNaN(at) ? null : { body, at };
}

/** Keeps a version in place of the one before, if there is room. */
export async function keepVersion(name: string, { version, bytes }: KeptVersion): Promise<void> {
  const cache = await store();
  if (cache === null || bytes.length > MOST_EACH) return;
  if ((await size(cache, versionOf(name))) + bytes.length > MOST_ALL) return;
  const headers = { "X-Version": String(version), "X-Bytes": String(bytes.length) };
  await cache.put(versionOf(name), new Response(bytes, { headers })).catch(() => {});
}

export async function keptVersion(name: string): Promise<KeptVersion | null> {
  const answer = await (await store())?.match(versionOf(name));
  if (!answer) return null;
  const bytes = new Uint8Array(await answer.arrayBuffer());
  // A write that was cut short leaves less than it said.
  return bytes.length === figure(answer, "X-Bytes") ? { version: figure(answer, "X-Version"), bytes } : null;
}

async function size(cache: Cache, except: string): Promise<number> {
  let sum = 0;
  for (const request of await cache.keys()) {
    const answer = await cache.match(request);
    if (answer && new URL(request.url).pathname !== except) sum += figure(answer, "X-Bytes") || 0;
  }
  return sum;
}

/** Forgets all of it, of earlier builds as well. */
export async function forget(): Promise<void> {
  if (globalThis.caches === undefined) return;
  for (const name of await caches.keys()) if (name.startsWith(FAMILY)) await caches.delete(name);
}
