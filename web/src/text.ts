/** Texts of others, made fit to be read: nothing hides in them, nothing opens by a click. Pure. */

// Controls, marks that turn the direction around, and fillers: nobody sees them, and they deceive.
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]/gu;

const named = (character: string): string =>
  `[U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}]`;

/** The text on one line, with a name for each character that nobody would see. */
export const plain = (text: string): string => text.replace(/\s*[\t\n\v\f\r]\s*/g, " ").replace(UNSEEN, named);

/** The same line by line. */
export const lined = (text: string): string => text.split(/\r\n?|\n/).map(plain).join("\n");

const HIVES = /^hkey_(local_machine|current_user|classes_root|users|current_config)\\/;
const PASSWORD = /((?::\/\/|\[:\]\/\/|\[:\/\/\])[^/?#\\:]*:)[^/?#\\]*@/g;
const SCHEME = /http(s?):\/\//i;

/** The value as the command line shows it: nothing that a click would open, no password. */
export function defanged(text: string): string {
  const opens = text.includes("://");
  if (HIVES.test(text) && !opens) return text; // a registry key is read back as it stands
  const dotted = text.replace(PASSWORD, "$1***@").replaceAll("[.]", ".").replaceAll(".", "[.]");
  return opens ? dotted.replace(SCHEME, "hxxp$1://") : dotted.replaceAll("@", "[@]");
}

const OPENED = new Set(["ipv4", "ipv6", "cidr", "domain", "url", "email"]);

/** An indicator to read. Names of files and the like stay as they are, unless an address is in them. */
export const readable = (kind: string | null, value: string): string =>
  plain((kind !== null && OPENED.has(kind)) || value.includes("://") ? defanged(value) : value);

/** The last part of a path, of either system. */
export const fileName = (path: string): string => path.split(/[\\/]/).at(-1) || path;

/** What may be linked to: https, and nobody's name before the host. */
export function linkable(link: string): URL | null {
  if (!URL.canParse(link)) return null;
  const url = new URL(link);
  return url.protocol === "https:" && url.username === "" && url.password === "" ? url : null;
}

/** Where MITRE describes a technique; null for what is no id of one. */
export const technique = (id: string): URL | null =>
  /^T\d{4}(\.\d{3})?$/.test(id) ? new URL(`https://attack.mitre.org/techniques/${id.replace(".", "/")}/`) : null;
