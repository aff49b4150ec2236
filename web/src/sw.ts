/** The service worker: keeps the page itself for the day without a network, and nothing else.
 *
 *  It answers for the pages and their hashed assets only; the API it never touches. A page comes from
 *  the network whenever there is one, so that nobody is held by an old copy; what a copy is made of
 *  has the hash of its content in its name. How to be rid of it: docs/howto/host-the-page.md. */

const SHELL = "tidegate-shell-1"; // another number whenever something else is kept
const FAMILY = "tidegate-shell-";
const PAGES = new Set(["/", "/index.html"]);
const MOST_ASSETS = 60;

// What a service worker has beside what every worker has, as far as it is used here.
interface Waits extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface Fetches extends Waits {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}
interface Scope {
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(kind: "install" | "activate", heard: (event: Waits) => void): void;
  addEventListener(kind: "fetch", heard: (event: Fetches) => void): void;
  addEventListener(kind: "message", heard: (event: Waits & MessageEvent<unknown>) => void): void;
}
const scope = self as unknown as Scope;

scope.addEventListener("install", (event) => event.waitUntil(scope.skipWaiting()));

scope.addEventListener("activate", (event) => event.waitUntil(
  forgetOthers().then(() => scope.clients.claim()),
));

// The first visit was over before there was a service worker: the page says what it is made of.
scope.addEventListener("message", (event) => {
  const paths = Array.isArray(event.data) ? event.data.filter((path) => typeof path === "string") : [];
  event.waitUntil(keepAll(paths.slice(0, MOST_ASSETS)));
});

scope.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (request.mode === "navigate" && PAGES.has(pathname)) event.respondWith(page(event));
  else if (isAsset(pathname)) event.respondWith(asset(event));
});

const isAsset = (path: string): boolean => path.startsWith("/assets/") || path === "/favicon.svg";

/** From the network; from what is kept where that does not answer, or is broken. */
async function page(event: Fetches): Promise<Response> {
  const answer = await fetch(event.request).catch((error: unknown) => error);
  if (!(answer instanceof Response) || answer.status >= 500) {
    const kept = await caches.match("/", { cacheName: SHELL });
    if (kept !== undefined) return kept;
  }
  if (!(answer instanceof Response)) throw answer;
  if (answer.status === 403 || answer.status === 404) event.waitUntil(caches.delete(SHELL));
  if (isWhole(answer)) event.waitUntil(put("/", answer.clone()));
  return answer;
}

async function asset(event: Fetches): Promise<Response> {
  const kept = await caches.match(event.request, { cacheName: SHELL });
  if (kept !== undefined) return kept;
  const answer = await fetch(event.request);
  if (isWhole(answer)) event.waitUntil(put(event.request.url, answer.clone()));
  return answer;
}

/** Not a redirect to a sign-in, not a part, not an error. */
const isWhole = (answer: Response): boolean => answer.status === 200 && !answer.redirected && answer.type === "basic";

async function put(path: string, answer: Response): Promise<void> {
  const cache = await caches.open(SHELL);
  await cache.put(path, answer).catch(() => {}); // a full disk is no reason to fail
}

/** Keeps these, and lets go of assets of earlier builds. */
async function keepAll(paths: readonly string[]): Promise<void> {
  const cache = await caches.open(SHELL);
  const wanted = new Set(["/", ...paths.filter(isAsset)]);
  for (const request of await cache.keys()) if (!wanted.has(new URL(request.url).pathname)) await cache.delete(request);
  for (const path of wanted) {
    if (await cache.match(path)) continue;
    const answer = await fetch(path).catch(() => null);
    if (answer && isWhole(answer)) await put(path, answer);
  }
}

async function forgetOthers(): Promise<void> {
  for (const name of await caches.keys()) if (name.startsWith(FAMILY) && name !== SHELL) await caches.delete(name);
}
