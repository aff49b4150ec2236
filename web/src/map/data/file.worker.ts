/** Reads a file of the analyst's own, away from the thread that draws. */

import { buffersOf, readColumns, type Columns } from "./columns.ts";
import { LARGEST, openFile, type Opened } from "./file.ts";
import { BadFile } from "./records.ts";

export type OpenedFile =
  | { readonly file: Omit<Opened, "bytes">; readonly columns: Columns }
  | { readonly failed: string };

async function opened(file: File): Promise<{ file: Omit<Opened, "bytes">; columns: Columns }> {
  if (file.size > LARGEST) throw new BadFile(`it is larger than ${LARGEST >> 20} MB`);
  const { bytes, ...facts } = openFile(file.name, new Uint8Array(await file.arrayBuffer()));
  return { file: facts, columns: readColumns(bytes, { time: facts.time, colour: null }) };
}

self.onmessage = async ({ data }: MessageEvent<File>): Promise<void> => {
  const post = self.postMessage as (answer: OpenedFile, transfer?: Transferable[]) => void;
  try {
    const found = await opened(data);
    post(found, buffersOf(found.columns));
  } catch (error) {
    // As in `columns.worker.ts`; a folder cannot be read, for one.
    post({ failed: error instanceof BadFile ? error.message : "it cannot be read" });
  }
};
