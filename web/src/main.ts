/** The page of the map: holds what the analyst chose, and tells each part what to show. */

import { Card, type Loaded } from "./card.ts";
import { fetchCatalogue, isCalledOff } from "./catalogue.ts";
import { el, part } from "./dom.ts";
import * as format from "./format.ts";
import { listen } from "./gestures.ts";
import { Histogram } from "./histogram.ts";
import { Layers, type Layer } from "./layers.ts";
import { legend } from "./legend.ts";
import { css, GROUND, hue, ramp, type Ramp } from "./palette.ts";
import { Panel, tally, type Tally } from "./panel.ts";
import { pick, type Spot } from "./pick.ts";
import { unproject } from "./projection.ts";
import { extent, sliceOf, type Range } from "./slice.ts";
import { Stage, type Scene } from "./stage.ts";
import { ThemeSwitch } from "./theme.ts";
import { bounded, panned, toScreen, toWorld, WHOLE_WORLD, zoomed, type View } from "./view.ts";
import { Watch } from "./watch.ts";

const HOUR = 3_600_000;
const PRESETS = [
  { text: "1 h", hours: 1 }, { text: "24 h", hours: 24 }, { text: "7 d", hours: 168 }, { text: "All", hours: null },
] as const;

/** What a reload would have to restore. */
interface Choice {
  view: View;
  range: Range | null;
  /** The last so many hours of the data; moves along when newer rows arrive. */
  last: number | null;
}

class Page {
  readonly #choice: Choice = { view: WHOLE_WORLD, range: null, last: null };
  readonly #theme = new ThemeSwitch(part<HTMLButtonElement>("theme"), () => this.#rethemed());
  readonly #layers = new Layers(() => this.#renewed());
  readonly #stage = new Stage(() => this.#scene(), () => this.#see(this.#choice.view));
  readonly #card = new Card(part("card"), () => this.#dismiss());
  readonly #panel = new Panel(part("layers"), (name, shown) => this.#switch(name, shown));
  readonly #histogram = new Histogram(
    part("histogram"), (range) => this.#select(range, null), (text) => (part("bin").textContent = text),
  );
  readonly #watch = new Watch((signal) => this.#ask(signal));
  #ramps = new Map<number, Ramp>();
  #hovered: Spot | null = null;
  #pinned: Spot | null = null;
  #pointer: readonly [number, number] | null = null;
  #pointing = false;
  #checked: number | null = null;
  #trouble: string | null = null;
  #wanted = false;

  start(): void {
    listen(this.#stage.element, this.#stage.surface, {
      pan: (dx, dy) => this.#see(panned(this.#choice.view, this.#stage.size, dx, dy)),
      zoom: (factor, px, py) => this.#see(zoomed(this.#choice.view, this.#stage.size, factor, px, py)),
      reset: () => this.#see(WHOLE_WORLD),
      hover: (at) => this.#hover(at),
      choose: (at) => this.#pin(at),
      dismiss: () => (this.#pinned ? this.#dismiss() : this.#select(null, null)),
    });
    this.#buttons();
    this.#rethemed();
    this.#tick();
    setInterval(() => this.#tick(), 1_000);
    this.#stage.basemap.start().catch(() => {}); // the answer of the server brings the next try
    void this.#watch.now();
  }

  #buttons(): void {
    const zoom = (factor: number): void => {
      const { width, height } = this.#stage.size;
      this.#see(zoomed(this.#choice.view, this.#stage.size, factor, width / 2, height / 2));
    };
    part("closer").addEventListener("click", () => zoom(1.5));
    part("wider").addEventListener("click", () => zoom(1 / 1.5));
    part("reset").addEventListener("click", () => this.#see(WHOLE_WORLD));
    part("clear").addEventListener("click", () => this.#select(null, null));
    for (const { text, hours } of PRESETS) {
      const button = el("button", { type: "button", "aria-pressed": "false" }, text);
      button.addEventListener("click", () => this.#last(hours));
      part("presets").append(button);
    }
    for (const kind of ["focus", "blur"]) {
      this.#stage.element.addEventListener(kind, () => this.#stage.remark());
    }
  }

  // The server.

  async #ask(signal: AbortSignal): Promise<void> {
    try {
      const datasets = await fetchCatalogue(signal);
      this.#trouble = null;
      this.#checked = Date.now();
      this.#layers.announce(datasets);
      await this.#stage.basemap.start();
    } catch (error) {
      if (isCalledOff(error)) return;
      this.#trouble = error instanceof Error ? error.message : String(error);
      this.#renewed();
    }
  }

  /** New rows, or new facts about them. */
  #renewed(): void {
    if (this.#choice.last !== null) this.#choice.range = this.#lastHours(this.#choice.last);
    // Row numbers belong to the version before, so what is under the pin is looked up again.
    const pinned = this.#pinned;
    this.#pinned = pinned && this.#spotAt(toScreen(this.#choice.view, this.#stage.size, pinned.x, pinned.y));
    this.#hovered = null;
    this.#refresh();
    this.#point();
  }

  // What the analyst does.

  #see(view: View): void {
    this.#choice.view = bounded(view, this.#stage.size);
    this.#stage.redraw();
    this.#point();
    this.#placeCard();
    const { x, y, zoom } = this.#choice.view;
    this.#stage.element.dataset["view"] = [x, y, zoom].map((part) => part.toFixed(4)).join();
  }

  #select(range: Range | null, last: number | null): void {
    this.#choice.range = range;
    this.#choice.last = last;
    this.#dropSpots();
    this.#refresh();
  }

  #last(hours: number | null): void {
    this.#select(hours === null ? null : this.#lastHours(hours), hours);
  }

  #lastHours(hours: number): Range | null {
    const domain = this.#domain();
    return domain && { from: domain.to - hours * HOUR, to: domain.to };
  }

  #switch(name: string, shown: boolean): void {
    const layer = this.#layers.all.find(({ dataset }) => dataset.name === name);
    if (layer) layer.shown = shown;
    this.#dropSpots();
    this.#refresh();
  }

  #dropSpots(): void {
    this.#hovered = this.#pinned = null;
    this.#card.hide();
  }

  #hover(at: readonly [number, number] | null): void {
    this.#pointer = at;
    this.#point();
  }

  /** Looks under the pointer, once per frame however fast the mouse is. */
  #point(): void {
    if (this.#pointing) return;
    this.#pointing = true;
    requestAnimationFrame(() => {
      this.#pointing = false;
      this.#hovered = this.#pointer && this.#spotAt(this.#pointer);
      this.#readout();
      this.#showCard();
      this.#stage.remark();
    });
  }

  #pin(at: readonly [number, number]): void {
    this.#pinned = this.#spotAt(at);
    if (this.#pinned === null) this.#card.hide();
    this.#showCard();
    this.#stage.remark();
  }

  #dismiss(): void {
    this.#pinned = null;
    this.#card.hide();
    this.#stage.remark();
  }

  #spotAt([px, py]: readonly [number, number]): Spot | null {
    return pick(this.#shown(), this.#choice.view, this.#stage.size, px, py);
  }

  // What is drawn.

  #shown(): (Loaded & { slice: readonly [number, number] })[] {
    return this.#layers.all.flatMap((layer) => {
      const { columns, shown } = layer;
      if (columns === null || !shown) return [];
      return [{ layer, columns, colour: this.#colour(layer), slice: sliceOf(columns.time, this.#choice.range) }];
    });
  }

  #colour(layer: Layer): string {
    return css(hue(layer.hue, this.#theme.current));
  }

  #ramp(index: number): Ramp {
    const made = this.#ramps.get(index) ?? ramp(index, this.#theme.current);
    this.#ramps.set(index, made);
    return made;
  }

  #scene(): Scene {
    const spots = [
      ...(this.#hovered ? [{ ...this.#hovered, firm: false }] : []),
      ...(this.#pinned ? [{ ...this.#pinned, firm: true }] : []),
    ];
    return {
      view: this.#choice.view,
      theme: this.#theme.current,
      layers: this.#shown().map(({ layer, columns, slice }) => ({ columns, slice, ramp: this.#ramp(layer.hue) })),
      marks: spots,
      crosshair: this.#stage.element.matches(":focus-visible"),
    };
  }

  #rethemed(): void {
    this.#ramps.clear();
    part("legend").replaceChildren(...legend([this.#ramp(0), this.#ramp(1)]));
    this.#stage.redraw();
    this.#refresh();
  }

  /** Points, counts and words, in the next frame. */
  #refresh(): void {
    this.#stage.repoint();
    if (this.#wanted) return;
    this.#wanted = true;
    requestAnimationFrame(() => {
      this.#wanted = false;
      this.#describe();
    });
  }

  #describe(): void {
    const tallies = new Map(this.#layers.all.flatMap((layer) => {
      const { columns } = layer;
      return columns ? [[layer, tally(columns, sliceOf(columns.time, this.#choice.range))] as const] : [];
    }));
    this.#panel.show(this.#layers.all, tallies, (layer) => this.#colour(layer), Date.now());
    this.#histogram.show({
      domain: this.#domain(),
      series: this.#shown().map(({ colour, columns }) => ({ colour, time: columns.time })),
      range: this.#choice.range,
      ink: GROUND[this.#theme.current].mark,
    });
    this.#totals(tallies);
    this.#when();
    this.#tell();
    this.#showCard();
  }

  #domain(): Range | null {
    return extent(this.#layers.all.flatMap(({ columns }) => (columns ? [columns.time] : [])));
  }

  #totals(tallies: ReadonlyMap<Layer, Tally>): void {
    const shown = [...tallies].filter(([layer]) => layer.shown).map(([, found]) => found);
    const rows = shown.reduce((sum, found) => sum + found.rows, 0);
    const unlocated = shown.reduce((sum, found) => sum + found.unlocated, 0);
    part("total").textContent = tallies.size ? format.count(rows) : "–";
    part("total-note").textContent = `${rows === 1 ? "row" : "rows"} shown`
      + (unlocated ? `, ${format.count(unlocated)} unlocated` : "");
    const spoken = `${format.rows(rows)} shown.`;
    if (tallies.size && part("live").textContent !== spoken) part("live").textContent = spoken;
  }

  #when(): void {
    const range = this.#choice.range ?? this.#domain();
    part("range").textContent = range
      ? `${format.minute(range.from)} – ${format.minute(range.to)} UTC · ${format.span(range.to - range.from)}`
      : "No times yet";
    part("clear").hidden = this.#choice.range === null;
    [...part("presets").children].forEach((button, i) => {
      const { hours } = PRESETS[i];
      const pressed = hours === this.#choice.last && (hours !== null || this.#choice.range === null);
      button.setAttribute("aria-pressed", String(pressed));
    });
  }

  // What is said.

  #tick(): void {
    const now = Date.now();
    part("clock").textContent = `${format.clock(now)} UTC`;
    part("clock").setAttribute("datetime", new Date(now).toISOString());
    this.#status(now);
    if (now % 15_000 < 1_000) this.#refresh(); // ages grow
  }

  #status(now: number): void {
    const status = part("status");
    const checked = this.#checked;
    const trouble = this.#trouble;
    const text = trouble === null
      ? checked === null ? "Connecting…" : `Live · checked ${format.ago(now - checked)}`
      : checked === null ? `Offline: ${trouble}` : `Offline: ${trouble}. Data of ${format.clock(checked)} UTC`;
    if (status.textContent !== text) status.textContent = text;
    status.dataset["state"] = trouble !== null ? "offline" : checked === null ? "waiting" : "live";
  }

  /** The message in the middle of the map, when there is nothing to see there. */
  #tell(): void {
    this.#status(Date.now());
    const notice = part("notice");
    const [title, text, retry] = this.#nothing() ?? ["", "", false];
    notice.hidden = title === "";
    notice.replaceChildren(el("strong", {}, title), el("p", {}, text));
    if (!retry) return;
    const again = el("button", { type: "button" }, "Try again");
    again.addEventListener("click", () => void this.#watch.now());
    notice.append(again);
  }

  #nothing(): [title: string, text: string, retry: boolean] | null {
    const layers = this.#layers.all;
    if (layers.some(({ columns }) => columns !== null && columns.time.length > 0)) return null;
    if (this.#trouble !== null) return ["No data", `It was asked for, but ${this.#trouble}. The page tries again every minute.`, true];
    if (this.#checked === null || layers.some(({ loading }) => loading)) return ["Loading", "Fetching the datasets…", false];
    const failure = layers.find((layer) => layer.failure !== null);
    if (failure) return ["No data", `${failure.dataset.title}: ${failure.failure}.`, true];
    if (layers.length === 0) return ["No datasets", "The server declares no dataset.", false];
    return ["Nothing to show", "The datasets have no rows yet. They appear here after the next refresh.", false];
  }

  #readout(): void {
    const at = this.#pointer;
    const here = at && unproject(...toWorld(this.#choice.view, this.#stage.size, ...at));
    const country = at && this.#stage.countryAt(...at);
    part("readout").textContent = here ? `${format.place(...here)}${country ? ` · ${country}` : ""}` : "";
  }

  #showCard(): void {
    const spot = this.#pinned ?? this.#hovered;
    if (spot === null) return this.#card.hide();
    this.#card.show(spot, this.#shown(), this.#pinned !== null);
    this.#placeCard();
  }

  #placeCard(): void {
    const spot = this.#pinned ?? this.#hovered;
    if (spot === null) return;
    const { width, height } = this.#stage.size;
    this.#card.place(...toScreen(this.#choice.view, this.#stage.size, spot.x, spot.y), width, height);
  }
}

new Page().start();
