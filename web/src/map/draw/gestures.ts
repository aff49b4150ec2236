/** Hands on the map: what fingers, mouse and keys mean, without knowing what they move. */

export interface Gestures {
  pan(dx: number, dy: number): void;
  zoom(factor: number, px: number, py: number): void;
  reset(): void;
  /** The pointer rests at a point, or has left. */
  hover(at: readonly [number, number] | null): void;
  /** A click, or Enter at the middle. */
  choose(at: readonly [number, number]): void;
  dismiss(): void;
}

const STEP = 80; // CSS pixels per arrow key
const FACTOR = 1.5; // per plus or minus key
const STILL = 4; // a drag shorter than this is a click

/** Listens on the stage; `surface` is the canvas that takes the pointer. */
export function listen(stage: HTMLElement, surface: HTMLElement, on: Gestures): void {
  pointers(surface, on);
  surface.addEventListener("wheel", (event) => {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    // A pinch on a touchpad arrives as a wheel with Ctrl and small steps.
    const speed = event.ctrlKey ? 0.01 : 0.0018;
    on.zoom(Math.exp(-event.deltaY * lines * speed), event.offsetX, event.offsetY);
  }, { passive: false });
  surface.addEventListener("dblclick", (event) => on.zoom(2, event.offsetX, event.offsetY));
  document.addEventListener("keydown", (event) => keys(stage, event, on));
}

/** One finger or button drags, two pinch. */
function pointers(surface: HTMLElement, on: Gestures): void {
  const down = new Map<number, readonly [number, number]>();
  let travelled = 0;
  surface.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    surface.setPointerCapture(event.pointerId);
    down.set(event.pointerId, [event.offsetX, event.offsetY]);
    travelled = down.size > 1 ? Infinity : 0;
  });
  surface.addEventListener("pointermove", (event) => {
    const before = down.get(event.pointerId);
    const here = [event.offsetX, event.offsetY] as const;
    if (before === undefined) return on.hover(here);
    const [dx, dy] = [here[0] - before[0], here[1] - before[1]];
    travelled += Math.hypot(dx, dy);
    if (travelled < STILL) return;
    const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
    down.set(event.pointerId, here);
    surface.classList.add("dragged");
    on.hover(null);
    if (other === undefined) on.pan(dx, dy);
    else pinch(before, here, other, on);
  });
  const lift = (event: PointerEvent): void => {
    surface.classList.remove("dragged");
    const tapped = down.delete(event.pointerId) && travelled < STILL;
    if (event.pointerType === "mouse") on.hover([event.offsetX, event.offsetY]);
    if (tapped && event.type === "pointerup") on.choose([event.offsetX, event.offsetY]);
  };
  surface.addEventListener("pointerup", lift);
  surface.addEventListener("pointercancel", lift);
  surface.addEventListener("pointerleave", () => on.hover(null));
}

type Point = readonly [number, number];

function pinch(before: Point, here: Point, other: Point, on: Gestures): void {
  const distance = (point: Point): number => Math.hypot(point[0] - other[0], point[1] - other[1]);
  const [mx, my] = [(here[0] + other[0]) / 2, (here[1] + other[1]) / 2];
  on.pan((here[0] - before[0]) / 2, (here[1] - before[1]) / 2);
  on.zoom(distance(here) / Math.max(distance(before), 1), mx, my);
}

function keys(stage: HTMLElement, event: KeyboardEvent, on: Gestures): void {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") return on.dismiss();
  // With the focus on a control, arrows and Enter belong to it.
  if (event.target !== document.body && event.target !== stage) return;
  const middle = [stage.clientWidth / 2, stage.clientHeight / 2] as const;
  const meant: Readonly<Record<string, () => void>> = {
    ArrowLeft: () => on.pan(STEP, 0),
    ArrowRight: () => on.pan(-STEP, 0),
    ArrowUp: () => on.pan(0, STEP),
    ArrowDown: () => on.pan(0, -STEP),
    "+": () => on.zoom(FACTOR, ...middle),
    "=": () => on.zoom(FACTOR, ...middle),
    "-": () => on.zoom(1 / FACTOR, ...middle),
    "0": () => on.reset(),
    Enter: () => on.choose(middle),
  };
  if (!Object.hasOwn(meant, event.key)) return;
  event.preventDefault();
  meant[event.key]();
}
