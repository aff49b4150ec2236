/** The countries, as the build cut them, and how they are painted. */

import coarseUrl from "../../../generated/world-110m.json?url";
import fineUrl from "../../../generated/world-50m.json?url";
import type { Ground } from "./palette.ts";
import type { Patch } from "./patch.ts";

/** What scripts/basemap.mjs writes. */
export interface PackedWorld {
  readonly scale: number;
  readonly outline: readonly number[];
  readonly graticule: readonly (readonly number[])[];
  readonly countries: readonly {
    readonly name: string;
    readonly code: string | null;
    readonly label: readonly [number, number];
    readonly rings: readonly (readonly number[])[];
  }[];
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export interface Country extends Box {
  readonly name: string;
  /** Two letters of ISO 3166; null for ground that has none. */
  readonly code: string | null;
  readonly label: readonly [number, number];
  readonly path: Path2D;
  /** The largest part, which must have room for the name. */
  readonly main: Box;
}

interface World {
  readonly outline: Path2D;
  readonly graticule: Path2D;
  readonly countries: readonly Country[];
}

const FINE_FROM = 2.5; // zoom
const NAMES_FROM = 1.5;
const SPECK = 7; // CSS pixels: what is smaller is shown as a disc when its colour means something
const DISC = 4.5;

/** How the ground is painted. */
export interface Paint {
  readonly zoom: number;
  readonly ground: Ground;
  /** The colours of countries by code; null: all are land. */
  readonly fills: ReadonlyMap<string, string> | null;
  /** Paints between the ground and the names, inside the globe. */
  readonly shade: ((context: CanvasRenderingContext2D) => void) | null;
}

/** Calls `visit` with every point of a packed line, in world units. */
export function eachPoint(
  packed: readonly number[], scale: number, visit: (x: number, y: number, first: boolean) => void,
): void {
  let [x, y] = [0, 0];
  for (let at = 0; at < packed.length; at += 2) {
    x += packed[at];
    y += packed[at + 1];
    visit(x / scale, y / scale, at === 0);
  }
}

export function boxOf(packed: readonly number[], scale: number): Box {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  eachPoint(packed, scale, (x, y) => {
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  });
  return { left, top, right, bottom };
}

const areaOf = (box: Box): number => (box.right - box.left) * (box.bottom - box.top);

const around = (a: Box, b: Box): Box => ({
  left: Math.min(a.left, b.left),
  top: Math.min(a.top, b.top),
  right: Math.max(a.right, b.right),
  bottom: Math.max(a.bottom, b.bottom),
});

function trace(path: Path2D, packed: readonly number[], scale: number, closed: boolean): void {
  eachPoint(packed, scale, (x, y, first) => (first ? path.moveTo(x, y) : path.lineTo(x, y)));
  if (closed) path.closePath();
}

function unpacked({ scale, outline, graticule, countries }: PackedWorld): World {
  const world = { outline: new Path2D(), graticule: new Path2D() };
  trace(world.outline, outline, scale, true);
  for (const line of graticule) trace(world.graticule, line, scale, false);
  return {
    ...world,
    countries: countries.map(({ name, code, label, rings }) => {
      const path = new Path2D();
      for (const ring of rings) trace(path, ring, scale, true);
      const boxes = rings.map((ring) => boxOf(ring, scale));
      const main = boxes.reduce((a, b) => (areaOf(b) > areaOf(a) ? b : a));
      const place = [label[0] / scale, label[1] / scale] as const;
      return { name, code, label: place, path, main, ...boxes.reduce(around) };
    }),
  };
}

async function load(url: string): Promise<World> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`the countries could not be loaded: ${answer.status}`);
  return unpacked((await answer.json()) as PackedWorld);
}

export class Basemap {
  readonly #arrived: () => void;
  #coarse: World | null = null;
  #fine: World | null = null;
  #starting: Promise<void> | null = null;
  #asked = false;

  constructor(arrived: () => void) {
    this.#arrived = arrived;
  }

  /** Loads the world once; after a failure the next call tries again. */
  start(): Promise<void> {
    this.#starting ??= load(coarseUrl).then((world) => {
      this.#coarse = world;
      this.#arrived();
    });
    this.#starting.catch(() => (this.#starting = null));
    return this.#starting;
  }

  paint(context: CanvasRenderingContext2D, patch: Patch, how: Paint): void {
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, patch.width, patch.height);
    const world = this.#worldFor(how.zoom);
    if (world === null) return;
    const seen = world.countries.filter((country) => overlap(country, seenOn(patch)));
    onto(context, patch);
    paintGround(context, world, seen, patch, how);
    if (how.fills) paintSpecks(context, seen, patch, how.fills, how.ground);
    if (how.shade) paintShade(context, world, how.shade);
    if (how.zoom >= NAMES_FROM) paintNames(context, seen, patch, how.ground);
  }

  /** Draws round a country. */
  outline(context: CanvasRenderingContext2D, patch: Patch, code: string): void {
    context.save();
    onto(context, patch);
    context.lineWidth = (2 * patch.ratio) / patch.scale;
    for (const country of this.#world?.countries ?? []) if (country.code === code) context.stroke(country.path);
    context.restore();
  }

  /** The country at a point of the world. Where it is painted as a disc, the disc is what counts. */
  countryAt(
    context: CanvasRenderingContext2D, x: number, y: number, scale: number, fills: Paint["fills"],
  ): Country | null {
    const countries = this.#world?.countries ?? [];
    context.setTransform(1, 0, 0, 1, 0, 0);
    const isUnder = (country: Country): boolean => fills?.has(country.code ?? "") === true && isSpeck(country, scale)
      && Math.hypot(country.label[0] - x, country.label[1] - y) * scale <= DISC + 1;
    return countries.find(isUnder) ?? countries.find(
      ({ left, right, top, bottom, path }) =>
        x >= left && x <= right && y >= top && y <= bottom && context.isPointInPath(path, x, y),
    ) ?? null;
  }

  get #world(): World | null {
    return this.#fine ?? this.#coarse;
  }

  /** The finer world is fetched when somebody first looks closer. */
  #worldFor(zoom: number): World | null {
    if (zoom < FINE_FROM) return this.#coarse;
    if (!this.#asked) {
      this.#asked = true;
      load(fineUrl).then(
        (world) => {
          this.#fine = world;
          this.#arrived();
        },
        () => (this.#asked = false), // the coarse world serves until the next try
      );
    }
    return this.#fine ?? this.#coarse;
  }
}

const overlap = (a: Box, b: Box): boolean =>
  a.right >= b.left && a.left <= b.right && a.bottom >= b.top && a.top <= b.bottom;

const seenOn = ({ scale, left, top, width, height }: Patch): Box => ({
  left: left / scale, top: top / scale, right: (left + width) / scale, bottom: (top + height) / scale,
});

/** From now on, lengths are world units. */
const onto = (context: CanvasRenderingContext2D, { scale, left, top }: Patch): void =>
  context.setTransform(scale, 0, 0, scale, -left, -top);

/** Whether a country is too small to show a colour; `scale` in CSS pixels per world unit. */
const isSpeck = ({ main }: Country, scale: number): boolean =>
  Math.max(main.right - main.left, main.bottom - main.top) * scale < SPECK;

function paintGround(
  context: CanvasRenderingContext2D, world: World, seen: readonly Country[],
  { scale, ratio }: Patch, { ground, fills }: Paint,
): void {
  const line = ratio / scale; // a CSS pixel
  context.lineJoin = "round";
  context.fillStyle = ground.sea;
  context.fill(world.outline);
  context.lineWidth = line;
  context.strokeStyle = ground.line;
  context.stroke(world.graticule);
  context.strokeStyle = ground.border;
  context.lineWidth = 0.75 * line;
  for (const { path, code } of seen) {
    context.fillStyle = (code && fills?.get(code)) || ground.land;
    context.fill(path);
    context.stroke(path);
  }
  context.strokeStyle = ground.coast;
  context.lineWidth = line;
  context.stroke(world.outline);
}

function paintSpecks(
  context: CanvasRenderingContext2D, seen: readonly Country[], { scale, ratio }: Patch,
  fills: ReadonlyMap<string, string>, ground: Ground,
): void {
  context.lineWidth = ratio / scale;
  context.strokeStyle = ground.mark;
  for (const country of seen) {
    const fill = country.code && fills.get(country.code);
    if (!fill || !isSpeck(country, scale / ratio)) continue;
    context.fillStyle = fill;
    context.beginPath();
    context.arc(...country.label, (DISC * ratio) / scale, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  }
}

function paintShade(context: CanvasRenderingContext2D, world: World, shade: NonNullable<Paint["shade"]>): void {
  context.save();
  context.clip(world.outline);
  shade(context);
  context.restore();
}

/** Names where they fit, larger countries first; a name that would touch another is left out. */
function paintNames(context: CanvasRenderingContext2D, seen: readonly Country[], patch: Patch, ground: Ground): void {
  const { ratio } = patch;
  const scale = patch.scale / ratio;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.font = "500 11px system-ui, 'Segoe UI', sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineWidth = 3;
  context.strokeStyle = ground.halo;
  context.fillStyle = ground.name;
  const taken: Box[] = [];
  for (const { name, label, main } of seen.toSorted((a, b) => areaOf(b.main) - areaOf(a.main))) {
    const room = (main.right - main.left) * scale;
    if (room < 40 || (main.bottom - main.top) * scale < 16) continue;
    const half = context.measureText(name).width / 2;
    const [x, y] = [label[0] * scale - patch.left / ratio, label[1] * scale - patch.top / ratio];
    const box = { left: x - half - 4, right: x + half + 4, top: y - 9, bottom: y + 9 };
    if (2 * half > room * 0.85 || taken.some((other) => overlap(box, other))) continue;
    taken.push(box);
    context.strokeText(name, x, y);
    context.fillText(name, x, y);
  }
}
