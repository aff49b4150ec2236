/** Where a value can be looked up. Nothing is asked before somebody clicks. Pure. */

import { linkable, technique } from "../../text.ts";
import { addressOf, addressText, isPublic } from "../sift/ip.ts";

export interface Link {
  readonly name: string;
  readonly url: string;
}

const VIRUSTOTAL = "https://www.virustotal.com/gui/";
const ABUSEIPDB = "https://www.abuseipdb.com/check/";

const HASH = /^([0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})$/i;
const DOMAIN = /^(?=.{4,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)+([a-z]{2,63}|xn--[a-z0-9-]{1,59})$/i;
const MAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;
const TECHNIQUE = /\bT\d{4}(?:\.\d{3})?\b/g;

// What a column is called says what a bare word in it is.
const NAMES_HOSTS = /observable|indicator|domain|host|url|query|fqdn/i;
const NAMES_TECHNIQUES = /techni|tactic|attack|tags|labels|types/i;
const NAMES_REPORTS = /reference|report|link|source/i;
const MOST = 6;

/** The pages about a value of a column, ours first. What is private is nobody else's business. */
export function links(column: string, value: string): Link[] {
  const address = addressOf(value);
  if (address !== null) return isPublic(address) ? ofAddress(addressText(address)) : [];
  if (HASH.test(value) && !/id$/i.test(column)) return [own(value), virusTotal("file", value)];
  if (/^https?:\/\//i.test(value)) return ofUrl(column, value);
  if (NAMES_HOSTS.test(column) && DOMAIN.test(value)) return [own(value), virusTotal("domain", value)];
  return NAMES_TECHNIQUES.test(column) ? techniques(value) : [];
}

/** Whether a value is nothing that a click would open. */
export const isPlain = (column: string, value: string): boolean =>
  !value.includes("://") && !MAIL.test(value) && addressOf(value) === null && !(NAMES_HOSTS.test(column) && DOMAIN.test(value));

const own = (value: string): Link => ({ name: "Tidegate", url: `/gate.html#${encodeURIComponent(value)}` });

const virusTotal = (kind: string, value: string): Link =>
  ({ name: "VirusTotal", url: `${VIRUSTOTAL}${kind}/${encodeURIComponent(value.toLowerCase())}` });

const ofAddress = (address: string): Link[] =>
  [own(address), virusTotal("ip-address", address), { name: "AbuseIPDB", url: ABUSEIPDB + encodeURIComponent(address) }];

/** A URL in a log may be the attack itself: only a report is opened. */
function ofUrl(column: string, value: string): Link[] {
  if (!NAMES_REPORTS.test(column)) return [own(value), { name: "VirusTotal", url: `${VIRUSTOTAL}search/${encodeURIComponent(encodeURIComponent(value))}` }];
  const url = linkable(value);
  return url === null ? [] : [{ name: `on ${url.host}`, url: url.href }];
}

const techniques = (value: string): Link[] =>
  [...new Set(value.match(TECHNIQUE) ?? [])].slice(0, MOST).map((id) => ({ name: `ATT&CK ${id}`, url: technique(id)!.href }));
