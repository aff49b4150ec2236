/** All keys of the page: what the help lists, and what the shortcuts do. */

export interface Key {
  /** As in `KeyboardEvent.key`. */
  readonly keys: readonly string[];
  readonly does: string;
}

export const KEYS: Readonly<Record<string, readonly Key[]>> = {
  "Anywhere": [
    { keys: ["?"], does: "Shows this list" },
    { keys: ["/"], does: "Goes to the search" },
    { keys: ["t"], does: "Opens or closes the table of the rows" },
    { keys: ["[", "]"], does: "Moves the time range back or on by one bar" },
    { keys: ["w"], does: "Wallboard, on and off" },
    { keys: ["Escape"], does: "Closes what is open, then clears the time range" },
  ],
  "On the map": [
    { keys: [" "], does: "Plays the time range, or pauses" },
    { keys: ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"], does: "Moves the map" },
    { keys: ["+", "-"], does: "Zooms in or out" },
    { keys: ["0"], does: "Shows the whole world" },
    { keys: ["Enter"], does: "Lists the rows at the crosshair" },
  ],
  "On an end of the time range": [
    { keys: ["ArrowLeft", "ArrowRight"], does: "Moves it by one bar" },
    { keys: ["PageDown", "PageUp"], does: "Moves it by ten bars" },
  ],
};

const NAMES: Readonly<Record<string, string>> = {
  " ": "Space", Escape: "Esc", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", "-": "−",
  PageDown: "Page down", PageUp: "Page up",
};

export const keyName = (key: string): string => NAMES[key] ?? key;

const LISTED = new Set(Object.values(KEYS).flat().flatMap(({ keys }) => keys));

export type Deeds = Readonly<Record<string, () => void>>;

/** Does what a key stands for, wherever the focus is, except where text is written. */
export function shortcuts(deeds: Deeds): void {
  listen(deeds, (target) => !(target instanceof Element) || target.closest("input:not([type=checkbox]), textarea, select, dialog, [contenteditable]") === null);
}

/** The same with the focus on the map, or on nothing. */
export function mapShortcuts(stage: HTMLElement, deeds: Deeds): void {
  listen(deeds, (target) => target === stage || target === document.body);
}

const REPEATING = new Set(["[", "]"]);

/** For the browser, that is; on many keyboards a bracket needs AltGr, which is Ctrl and Alt. */
const isCommand = (event: KeyboardEvent): boolean =>
  (event.ctrlKey || event.metaKey || event.altKey) && !event.getModifierState("AltGraph");

function listen(deeds: Deeds, here: (target: EventTarget | null) => boolean): void {
  for (const key of Object.keys(deeds)) if (!LISTED.has(key)) throw new Error(`the help does not list ${key}`);
  document.addEventListener("keydown", (event) => {
    if (isCommand(event) || (event.repeat && !REPEATING.has(event.key))) return;
    if (!Object.hasOwn(deeds, event.key) || !here(event.target)) return;
    event.preventDefault();
    deeds[event.key]();
  });
}
