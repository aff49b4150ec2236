/** The message in the middle of the map, when there is nothing to see there. */

import { el, part } from "../../dom.ts";
import type { Layer } from "../data/layers.ts";

type Message = readonly [title: string, text: string, retry: boolean];

export class Notice {
  readonly #again: () => void;

  constructor(again: () => void) {
    this.#again = again;
  }

  /** `trouble` is why the last question had no answer; `asked`: whether one ever had. */
  show(layers: readonly Layer[], trouble: string | null, asked: boolean): void {
    const [title, text, retry] = message(layers, trouble, asked) ?? ["", "", false];
    const notice = part("notice");
    notice.hidden = title === "";
    notice.replaceChildren(el("strong", {}, title), el("p", {}, text));
    if (!retry) return;
    const again = el("button", { type: "button" }, "Try again");
    again.addEventListener("click", this.#again);
    notice.append(again);
  }
}

function message(layers: readonly Layer[], trouble: string | null, asked: boolean): Message | null {
  if (layers.some(({ columns }) => columns !== null && columns.time.length > 0)) return null;
  if (trouble !== null) return ["No data", `It was asked for, but ${trouble}. The page tries again every minute.`, true];
  if (!asked || layers.some(({ loading }) => loading)) return ["Loading", "Fetching the datasets…", false];
  const failure = layers.find((layer) => layer.failure !== null);
  if (failure) return ["No data", `${failure.dataset.title}: ${failure.failure}.`, true];
  if (layers.length === 0) return ["No datasets", "The server declares no dataset.", false];
  return ["Nothing to show", "The datasets have no rows yet. They appear here after the next refresh.", false];
}
