/** The bytes of one version of a dataset, by the shortest way: kept here, by what changed, or whole. */

import { applied, stepsBetween, type Step } from "./delta.ts";
import { keepVersion, keptVersion, type KeptVersion } from "./kept.ts";
import { BadTable } from "./tsv.ts";

export interface Wanted {
  readonly name: string;
  readonly version: number;
  readonly url: string;
  readonly sha256: string;
  readonly steps: readonly Step[];
}

/** The version that was wanted, or the one at hand with the reason why it is not. */
export interface Got extends KeptVersion {
  readonly failed: string | null;
}

type Bytes = Uint8Array<ArrayBuffer>;

/** `have` is what the page shows by now. What comes is kept for later, if `keep`. */
export async function fetched(wanted: Wanted, have: KeptVersion | null, keep: boolean): Promise<Got> {
  const { name, version } = wanted;
  const base = have ?? (keep ? await keptVersion(name) : null);
  if (base !== null && base.version === version && (await isRight(base.bytes, wanted))) return { ...base, failed: null };
  try {
    const bytes = (base && (await byChanges(base, wanted))) ?? (await whole(wanted));
    if (keep) await keepVersion(name, { version, bytes });
    return { version, bytes, failed: null };
  } catch (error) {
    if (base === null) throw error;
    return { ...base, failed: error instanceof Error ? error.message : String(error) };
  }
}

/** Null where no changes lead there, or where they lead somewhere else. */
async function byChanges(base: KeptVersion, wanted: Wanted): Promise<Bytes | null> {
  const steps = self.isSecureContext ? stepsBetween(wanted.steps, base.version, wanted.version) : null;
  if (steps === null) return null;
  try {
    let { bytes } = base;
    for (const { url } of steps) bytes = applied(bytes, await download(url));
    return (await isRight(bytes, wanted)) ? bytes : null;
  } catch (error) {
    if (error instanceof BadTable || error instanceof Absent) return null;
    throw error;
  }
}

async function whole(wanted: Wanted): Promise<Bytes> {
  const bytes = await download(wanted.url);
  if (!(await isRight(bytes, wanted))) throw new Error("the file is not the one that was announced");
  return bytes;
}

class Absent extends Error {}

async function download(url: string): Promise<Bytes> {
  const answer = await fetch(url, { redirect: "manual" }).catch(() => {
    throw new Error("the server cannot be reached");
  });
  if (!answer.ok) throw new Absent(answer.status === 0 ? "you are signed out" : `the server answered ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

/** Browsers offer digests only to secure pages: over plain HTTP to another machine we go without. */
async function isRight(bytes: Bytes, { sha256 }: Wanted): Promise<boolean> {
  if (!self.isSecureContext) return true;
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("") === sha256;
}
