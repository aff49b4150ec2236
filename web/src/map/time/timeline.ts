/** The time range: what it is, its presets, and the histogram with its brush. */

import { el, part } from "../../dom.ts";
import * as format from "../../format.ts";
import type { Choices } from "../choice.ts";
import { Histogram } from "./histogram.ts";
import { GROUND } from "../draw/palette.ts";
import { Player } from "./player.ts";
import type { Range } from "../data/slice.ts";
import type { Listener, Told } from "../told.ts";

const HOUR = 3_600_000;
const PRESETS = [
  { text: "1 h", hours: 1 }, { text: "24 h", hours: 24 }, { text: "7 d", hours: 168 }, { text: "All", hours: null },
] as const;

/** The last so many hours before the end of the data. */
export const lastHours = (domain: Range | null, hours: number | null): Range | null =>
  domain && hours !== null ? { from: domain.to - hours * HOUR, to: domain.to } : null;

export class Timeline implements Listener {
  readonly #choices: Choices;
  readonly #histogram: Histogram;
  readonly player: Player;
  #domain: Range | null = null;

  constructor(choices: Choices) {
    this.#choices = choices;
    this.#histogram = new Histogram(
      part("histogram"), (range) => choices.change({ range, last: null }), (text) => (part("bin").textContent = text),
    );
    this.player = new Player(choices, () => this.#histogram.bins);
    part("clear").addEventListener("click", () => choices.change({ range: null, last: null }));
    part("presets").append(...PRESETS.map(({ text, hours }) => this.#preset(text, hours)));
  }

  #preset(text: string, hours: number | null): HTMLElement {
    const button = el("button", { type: "button", "aria-pressed": "false" }, text);
    button.addEventListener("click", () =>
      this.#choices.change({ range: lastHours(this.#domain, hours), last: hours }));
    return button;
  }

  show({ choice: { range, last }, domain, shown, theme, colourOf }: Told): void {
    this.#domain = domain;
    this.#histogram.show({
      domain,
      series: shown.map(({ layer, columns }) => ({ colour: colourOf(layer), time: columns.time })),
      range,
      ink: GROUND[theme].mark,
    });
    part("range").textContent = said(range ?? domain);
    part("clear").hidden = range === null;
    [...part("presets").children].forEach((button, i) => {
      const { hours } = PRESETS[i];
      button.setAttribute("aria-pressed", String(hours === last && (hours !== null || range === null)));
    });
  }
}

const said = (range: Range | null): string =>
  range ? `${format.minute(range.from)} – ${format.minute(range.to)} UTC · ${format.span(range.to - range.from)}` : "No times yet";
