/** Whether this browser keeps the page and its data for the day without a network. */

import { part } from "../../dom.ts";
import { remember, remembered } from "../../remember.ts";
import { forget } from "../data/kept.ts";

const WORKER = "/sw.js";
const SETTLED = 1_500; // until the page has loaded what it is made of

export class Offline {
  readonly #box = part<HTMLInputElement>("keeps");

  constructor() {
    this.#box.checked = this.keeps;
    this.#box.addEventListener("change", () => {
      remember("keeps-nothing", this.#box.checked ? "" : "yes");
      void this.start();
    });
  }

  get keeps(): boolean {
    return remembered("keeps-nothing") !== "yes";
  }

  /** Brings the service worker, or is rid of all that was kept. */
  async start(): Promise<void> {
    if (!this.keeps) return void (await Promise.all([leave(), forget()]));
    if (import.meta.env.DEV || navigator.serviceWorker === undefined) return;
    const found = await fetch(WORKER, { cache: "no-store", redirect: "manual" }).catch(() => null);
    // Browsers stay with a service worker that the server has taken away.
    if (found !== null && [403, 404, 410].includes(found.status)) return leave();
    if (found?.ok) await navigator.serviceWorker.register(WORKER, { updateViaCache: "none" }).catch(() => {});
    window.setTimeout(() => void (this.keeps && tell()), SETTLED);
  }
}

/** Tells the service worker what this page is made of. */
async function tell(): Promise<void> {
  const { active } = await navigator.serviceWorker.ready;
  const loaded = performance.getEntriesByType("resource").map(({ name }) => new URL(name));
  active?.postMessage(loaded.filter(({ origin }) => origin === location.origin).map(({ pathname }) => pathname));
}

async function leave(): Promise<void> {
  for (const one of (await navigator.serviceWorker?.getRegistrations()) ?? []) await one.unregister();
  for (const name of (await globalThis.caches?.keys()) ?? []) if (name.startsWith("tidegate-shell-")) await caches.delete(name);
}
