/** Addresses in any spelling as 128 bits; IPv4 is what IPv6 maps it to, ::ffff:0:0/96. Pure. */

/** Four times 32 bits, the highest first. */
export type Address = Uint32Array;

export interface Network {
  readonly base: Address;
  readonly bits: number;
}

const [ZERO, NINE, DOT, COLON, PERCENT, OPEN, CLOSE] = [48, 57, 46, 58, 37, 91, 93];
const LONGEST = 64; // 45 characters, a zone, brackets and a port

export const blank = (): Address => new Uint32Array(4);

/** Reads a cell; false for what is no address. A port behind it is no part of it. */
export function readAddress(bytes: Uint8Array, from: number, to: number, into: Address): boolean {
  if (to - from < 2 || to - from > LONGEST) return false;
  const first = bytes[from];
  if (first === OPEN) return readBracketed(bytes, from, to, into);
  if (first !== COLON && hex(first) < 0) return false;
  const end = quad(bytes, from, to);
  if (end === to || (end > 0 && bytes[end] === COLON && isPort(bytes, end + 1, to))) {
    into.set([0, 0, 0xffff, found]);
    return true;
  }
  return readGroups(bytes, from, to, into);
}

let found = 0; // what `quad` read: a result of two numbers without an object for each cell

/** Where four decimals with dots end, or -1. */
function quad(bytes: Uint8Array, from: number, to: number): number {
  let [value, parts, at] = [0, 0, from];
  for (; parts < 4; parts++) {
    const start = at;
    let part = 0;
    while (at < to && at - start < 3 && bytes[at] >= ZERO && bytes[at] <= NINE) part = part * 10 + bytes[at++] - ZERO;
    // 010 is 8 to some and 10 to others, so it is no address.
    if (at === start || part > 255 || (bytes[start] === ZERO && at - start > 1)) return -1;
    value = value * 256 + part;
    if (parts < 3 && (at >= to || bytes[at++] !== DOT)) return -1;
  }
  found = value;
  return at;
}

function isPort(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] < ZERO || bytes[at] > NINE) return false;
  return to > from && to - from <= 5;
}

function readBracketed(bytes: Uint8Array, from: number, to: number, into: Address): boolean {
  const close = bytes.subarray(from, to).indexOf(CLOSE) + from;
  if (close < from) return false;
  const behind = close + 1 === to || (bytes[close + 1] === COLON && isPort(bytes, close + 2, to));
  return behind && readGroups(bytes, from + 1, close, into);
}

const groups = new Uint16Array(8);

function readGroups(bytes: Uint8Array, from: number, to: number, into: Address): boolean {
  groups.fill(0);
  let [count, gap, at] = [0, -1, from];
  if (bytes[at] === COLON) {
    if (bytes[at + 1] !== COLON) return false;
    gap = 0;
    at += 2;
  }
  while (at < to && bytes[at] !== PERCENT) {
    if (count === 8) return false;
    const end = groupEnd(bytes, at, to);
    if (end < to && bytes[end] === DOT) {
      if (count > 6 || quad(bytes, at, to) !== to) return false;
      groups[count++] = found >>> 16;
      groups[count++] = found & 0xffff;
      at = to;
      break;
    }
    if (end === at || end - at > 4) return false;
    for (; at < end; at++) groups[count] = groups[count] * 16 + hex(bytes[at]);
    count++;
    if (at >= to || bytes[at] === PERCENT) break;
    if (bytes[at++] !== COLON) return false;
    if (bytes[at] === COLON && at < to) {
      if (gap >= 0) return false;
      gap = count;
      at++;
    } else if (at >= to) return false;
  }
  return packed(count, gap, into);
}

function groupEnd(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && hex(bytes[at]) >= 0) at++;
  return at;
}

/** Puts the zeros where the two colons stood. */
function packed(count: number, gap: number, into: Address): boolean {
  if (gap < 0 ? count !== 8 : count > 7) return false;
  if (gap >= 0) {
    groups.copyWithin(8 - (count - gap), gap, count);
    groups.fill(0, gap, 8 - (count - gap));
  }
  for (let i = 0; i < 4; i++) into[i] = groups[2 * i] * 65_536 + groups[2 * i + 1];
  return true;
}

function hex(code: number): number {
  if (code >= ZERO && code <= NINE) return code - ZERO;
  const letter = code | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}

const encoder = new TextEncoder();

export function addressOf(text: string): Address | null {
  const bytes = encoder.encode(text);
  const into = blank();
  return readAddress(bytes, 0, bytes.length, into) ? into : null;
}

export const isV4 = (address: Address): boolean => address[0] === 0 && address[1] === 0 && address[2] === 0xffff;

/** What CIDR writes, in any spelling; bits behind the prefix are dropped. */
export function networkOf(text: string): Network | null {
  const [, before, after] = /^([^/\s]+)\/(\d{1,3})$/.exec(text) ?? [];
  const base = before === undefined ? null : addressOf(before);
  if (base === null) return null;
  const v4 = isV4(base) && before.includes(".") && !before.includes(":");
  const bits = Number(after) + (v4 ? 96 : 0);
  if (bits > 128) return null;
  return { base: base.map((part, i) => (part & maskOf(bits, i)) >>> 0), bits };
}

const maskOf = (bits: number, part: number): number => {
  const ones = Math.min(Math.max(bits - 32 * part, 0), 32);
  return ones === 0 ? 0 : (-1 << (32 - ones)) >>> 0;
};

export function inNetwork(address: Address, { base, bits }: Network): boolean {
  for (let part = 0; part * 32 < bits; part++) {
    if (((address[part] ^ base[part]) & maskOf(bits, part)) !== 0) return false;
  }
  return true;
}

/** As people write it: dotted, or groups without leading zeros and the longest run of zeros left out. */
export function addressText(address: Address): string {
  if (isV4(address)) return [24, 16, 8, 0].map((shift) => (address[3] >>> shift) & 255).join(".");
  const text = Array.from(address, (part) => `${(part >>> 16).toString(16)}:${(part & 0xffff).toString(16)}`).join(":");
  const runs = [...text.matchAll(/(?<![0-9a-f])0(?::0)+(?![0-9a-f])/g)];
  const longest = runs.toSorted((a, b) => b[0].length - a[0].length)[0];
  if (longest === undefined) return text;
  return `${text.slice(0, Math.max(longest.index - 1, 0))}::${text.slice(longest.index + longest[0].length + 1)}`;
}

export const networkText = ({ base, bits }: Network): string =>
  `${addressText(base)}/${isV4(base) && bits >= 96 ? bits - 96 : bits}`;

const RESERVED = [
  "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
  "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
  "::/127", "100::/64", "2001:db8::/32", "fc00::/7", "fe80::/10", "ff00::/8",
].map((text) => networkOf(text)!);

/** Whether it means the same machine to everybody: not private, not reserved, not of documentation. */
export const isPublic = (address: Address): boolean => !RESERVED.some((network) => inNetwork(address, network));
