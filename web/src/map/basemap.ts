/** The countries, as the build cut them, and how they are painted. */

import coarseUrl from "../../generated/world-110m.json?url";
import fineUrl from "../../generated/world-50m.json?url";
import type { Ground } from "./palette.ts";
import { scaleOf, toScreen, toWorld, type Size, type View } from "./view.ts";

/** What scripts/basemap.mjs writes. */
export interface PackedWorld {
  readonly scale: number;
  readonly outline: readonly number[];
  readonly graticule: readonly (readonly number[])[];
  readonly countries: readonly {
    readonly name: string;
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

interface Country extends Box {
  readonly name: string;
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
    countries: countries.map(({ name, label, rings }) => {
      const path = new Path2D();
      for (const ring of rings) trace(path, ring, scale, true);
      const boxes = rings.map((ring) => boxOf(ring, scale));
      const main = boxes.reduce((a, b) => (areaOf(b) > areaOf(a) ? b : a));
      const place = [label[0] / scale, label[1] / scale] as const;
      return { name, label: place, path, main, ...boxes.reduce(around) };
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

  paint(context: CanvasRenderingContext2D, view: View, size: Size, ratio: number, ground: Ground): void {
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, size.width, size.height);
    const world = this.#worldFor(view);
    if (world === null) return;
    const seen = visible(world, view, size);
    const scale = scaleOf(view, size);
    const [left, top] = toScreen(view, size, 0, 0);
    context.setTransform(scale * ratio, 0, 0, scale * ratio, left * ratio, top * ratio);
    paintGround(context, world, seen, scale, ground);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    if (view.zoom >= NAMES_FROM) paintNames(context, seen, view, size, ground);
  }

  /** The country at a point of the world. */
  countryAt(context: CanvasRenderingContext2D, x: number, y: number): string | null {
    const world = this.#fine ?? this.#coarse;
    context.setTransform(1, 0, 0, 1, 0, 0);
    const found = world?.countries.find(
      ({ left, right, top, bottom, path }) =>
        x >= left && x <= right && y >= top && y <= bottom && context.isPointInPath(path, x, y),
    );
    return found?.name ?? null;
  }

  /** The finer world is fetched when somebody first looks closer. */
  #worldFor(view: View): World | null {
    if (view.zoom < FINE_FROM) return this.#coarse;
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

function visible({ countries }: World, view: View, size: Size): readonly Country[] {
  const [left, top] = toWorld(view, size, 0, 0);
  const [right, bottom] = toWorld(view, size, size.width, size.height);
  return countries.filter((country) => overlap(country, { left, top, right, bottom }));
}

function paintGround(
  context: CanvasRenderingContext2D, world: World, seen: readonly Country[], scale: number, ground: Ground,
): void {
  context.lineJoin = "round";
  context.fillStyle = ground.sea;
  context.fill(world.outline);
  context.lineWidth = 1 / scale;
  context.strokeStyle = ground.line;
  context.stroke(world.graticule);
  context.fillStyle = ground.land;
  context.strokeStyle = ground.border;
  context.lineWidth = 0.75 / scale;
  for (const { path } of seen) {
    context.fill(path);
    context.stroke(path);
  }
  context.strokeStyle = ground.coast;
  context.lineWidth = 1 / scale;
  context.stroke(world.outline);
}

/** Names where they fit, larger countries first; a name that would touch another is left out. */
function paintNames(
  context: CanvasRenderingContext2D, seen: readonly Country[], view: View, size: Size, ground: Ground,
): void {
  const scale = scaleOf(view, size);
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
    const [x, y] = toScreen(view, size, label[0], label[1]);
    const box = { left: x - half - 4, right: x + half + 4, top: y - 9, bottom: y + 9 };
    if (2 * half > room * 0.85 || taken.some((other) => overlap(box, other))) continue;
    taken.push(box);
    context.strokeText(name, x, y);
    context.fillText(name, x, y);
  }
}
