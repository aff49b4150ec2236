/** Why a row has no place on the map. */

import { blank, isPublic, readAddress } from "../sift/ip.ts";
import { isNull } from "./tsv.ts";

/** The first stands for rows that have one. */
export const GAPS = ["located", "no address", "private or reserved address", "place unknown", "impossible coordinates"] as const;

const address = blank();

/** The reason, as a position in `GAPS`, for a row that could not be placed. */
export function gapOf(bytes: Uint8Array, cells: Uint32Array, latitude: number, longitude: number): number {
  if (says(bytes, cells, latitude) && says(bytes, cells, longitude)) return 4;
  let found = 1;
  for (let cell = 0; cell < cells.length - 1; cell++) {
    if (!readAddress(bytes, cells[cell], cells[cell + 1] - 1, address)) continue;
    if (isPublic(address)) return 3;
    found = 2;
  }
  return found;
}

function says(bytes: Uint8Array, cells: Uint32Array, cell: number): boolean {
  const [from, to] = [cells[cell], cells[cell + 1] - 1];
  return to > from && !isNull(bytes, from, to);
}
