/** Files of the analyst's own, chosen or dropped anywhere on the page. They never leave the browser. */

import { part } from "../../dom.ts";
import * as format from "../../format.ts";
import { fileName, plain } from "../../text.ts";
import type { Dataset } from "../data/catalogue.ts";
import type { OpenedFile } from "../data/file.worker.ts";
import type { Layers } from "../data/layers.ts";
import { LOCAL } from "./link.ts";

const MOST = 8; // at once
const LONGEST_TITLE = 80;

export class Files {
  readonly #layers: Layers;
  readonly #said = part("opened");
  #count = 0;

  constructor(layers: Layers) {
    this.#layers = layers;
    const input = part<HTMLInputElement>("file");
    part("open").addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      this.#open(input.files);
      input.value = ""; // so that the same file can be chosen again
    });
    this.#drops();
  }

  #drops(): void {
    const root = document.documentElement;
    const holds = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;
    window.addEventListener("dragover", (event) => {
      if (!holds(event)) return;
      event.preventDefault();
      root.toggleAttribute("data-dropping", true);
    });
    window.addEventListener("dragleave", (event) => event.relatedTarget === null && root.removeAttribute("data-dropping"));
    window.addEventListener("drop", (event) => {
      root.removeAttribute("data-dropping");
      if (!holds(event)) return;
      event.preventDefault(); // else the browser leaves the page to show the file
      this.#open(event.dataTransfer!.files);
    });
  }

  #open(files: FileList | null): void {
    const chosen = [...(files ?? [])].slice(0, MOST);
    if (chosen.length > 0) this.#said.textContent = "Reading…";
    for (const file of chosen) this.#read(file);
  }

  #read(file: File): void {
    const worker = new Worker(new URL("../data/file.worker.ts", import.meta.url), { type: "module" });
    const done = (answer: OpenedFile): void => {
      worker.terminate();
      this.#take(plain(fileName(file.name)).slice(0, LONGEST_TITLE), answer);
    };
    worker.onmessage = ({ data }: MessageEvent<OpenedFile>) => done(data);
    worker.onerror = () => done({ failed: "its reader did not start" });
    worker.postMessage(file);
  }

  #take(title: string, answer: OpenedFile): void {
    if ("failed" in answer) {
      this.#said.textContent = `${title}: ${answer.failed}.`;
      return;
    }
    const { file, columns } = answer;
    this.#layers.adopt(datasetOf(`${LOCAL}${++this.#count}`, title, file), columns);
    this.#said.textContent = [`${title}: ${format.rows(file.rows)}`, ...file.notes].join("; ") + ".";
  }
}

type Facts = Extract<OpenedFile, { readonly file: unknown }>["file"];

function datasetOf(name: string, title: string, { columns, time, label, rows, located }: Facts): Dataset {
  return {
    name, title, time, label, rows, located, unlocated: rows - located, version: 1, url: null, sha256: null, bytes: 0,
    refreshed: null, watermark: null, partial: false, synthetic: false, every_seconds: 0, colour: null, key: [],
    columns: columns.map((column) => ({ name: column, type: "string" })),
  };
}
