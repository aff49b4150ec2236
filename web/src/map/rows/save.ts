/** Saves what is selected: rows as a file, or the map as a picture. */

import { part } from "../../dom.ts";
import * as format from "../../format.ts";
import { sentence } from "../../server.ts";
import { exported, fileName, type Format } from "./exporting.ts";
import { picture } from "./picture.ts";
import { listed } from "./rows.ts";
import type { Listener, Told } from "../told.ts";

const HELD = 60_000; // milliseconds until the browser surely has the file

export class Save implements Listener {
  readonly #dialog = part<HTMLDialogElement>("save");
  readonly #go = part<HTMLButtonElement>("save-go");
  readonly #progress = part<HTMLProgressElement>("save-progress");
  #told: Told | null = null;
  #off: AbortController | null = null;

  constructor() {
    part("export").addEventListener("click", () => this.#open());
    this.#go.addEventListener("click", () => void this.#save());
    part("save-cancel").addEventListener("click", () => this.#dialog.close());
    this.#dialog.addEventListener("close", () => this.#off?.abort());
    this.#dialog.addEventListener("change", () => this.#explain());
    // Escape closes the dialog alone, and leaves the map as it is.
    this.#dialog.addEventListener("keydown", (event) => event.stopPropagation());
  }

  show(told: Told): void {
    this.#told = told;
    if (this.#dialog.open && this.#off === null) this.#explain();
  }

  #open(): void {
    this.#say("");
    this.#explain();
    this.#dialog.showModal();
  }

  get #format(): Format | "png" {
    return this.#dialog.querySelector<HTMLInputElement>("[name=format]:checked")!.value as Format | "png";
  }

  /** What will be in the file, before it is made. */
  #explain(): void {
    const shown = this.#told?.shown ?? [];
    const rows = shown.reduce((sum, { slice: [first, end] }) => sum + end - first, 0);
    const unlocated = shown.reduce((sum, { columns: { gap }, slice: [first, end] }) => {
      for (let row = first; row < end; row++) sum += +(gap[row] !== 0);
      return sum;
    }, 0);
    part("save-what").textContent = {
      png: "The map as it is on the screen, with its legend, the time range and the filters.",
      geojson: `${format.rows(rows - unlocated)} as points${unlocated > 0 ? `; ${format.count(unlocated)} without a place are left out` : ""}.`,
      csv: `${format.rows(rows)}. What a spreadsheet would take for a formula gets an apostrophe in front.`,
      tsv: `${format.rows(rows)} in the form in which Tidegate keeps them.`,
    }[this.#format];
    part("save-defang").hidden = this.#format === "png";
    part("save-mark").hidden = this.#format !== "csv";
  }

  async #save(): Promise<void> {
    const told = this.#told;
    if (told === null || this.#off !== null) return;
    this.#off = new AbortController();
    this.#busy(true);
    try {
      const { file, text } = await this.#made(told, this.#off.signal);
      hand(file, fileName(told.shown.map(({ layer }) => layer.dataset.name), told.choice.range ?? told.domain, this.#format));
      part("live").textContent = text;
      this.#dialog.close();
    } catch (error) {
      if (this.#off.signal.aborted === false) this.#say(`Not saved: ${sentence(error)}.`);
    }
    this.#off = null;
    this.#busy(false);
  }

  async #made(told: Told, signal: AbortSignal): Promise<{ file: Blob; text: string }> {
    const form = this.#format;
    if (form === "png") return { file: await picture(told), text: "Picture saved." };
    const on = (id: string): boolean => part(id).querySelector("input")!.checked;
    const wish = { format: form, defang: on("save-defang"), mark: on("save-mark") };
    const { file, rows, left } = await exported(listed(told.shown, null), wish, signal, (share) => (this.#progress.value = share));
    return { file, text: `${format.rows(rows)} saved${left > 0 ? `, ${format.count(left)} left out` : ""}.` };
  }

  #busy(is: boolean): void {
    this.#progress.hidden = !is;
    this.#progress.value = 0;
    this.#go.setAttribute("aria-disabled", String(is));
  }

  #say(text: string): void {
    part("save-trouble").textContent = text;
  }
}

function hand(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), HELD);
}
