/** What the address of the page names after its `#`; null where that is nothing, or cannot be read. */
export function named(hash: string): string | null {
  try {
    return decodeURIComponent(hash.slice(1)) || null;
  } catch {
    return null;
  }
}
