/** The page of the map: asks the server, and tells each part what the analyst chose to see. */

import { part } from "../dom.ts";
import { Freshness } from "../freshness.ts";
import { isCalledOff, sentence } from "../server.ts";
import { ThemeSwitch } from "../theme.ts";
import { Watch } from "../watch.ts";
import { Analysis } from "./rows/analysis.ts";
import { fetchCatalogue, isFinal, keptCatalogue, type Catalogue } from "./data/catalogue.ts";
import { Choices, otherRows, type Choice } from "./choice.ts";
import { DrawingSwitch, Lights, nightOf } from "./draw/drawing.ts";
import { Files } from "./shell/files.ts";
import { Filters } from "./sift/filters.ts";
import { bundleFor, fillsFor, leadingOf } from "./draw/found.ts";
import { listen } from "./draw/gestures.ts";
import { Help } from "./shell/help.ts";
import { HueSwitch } from "./draw/hues.ts";
import { forget } from "./data/kept.ts";
import { mapShortcuts, shortcuts } from "./shell/keys.ts";
import { Layers, type Layer } from "./data/layers.ts";
import { Legend } from "./draw/legend.ts";
import { Linked } from "./shell/linked.ts";
import { Notice } from "./shell/notice.ts";
import { Offline } from "./shell/offline.ts";
import { css, hue, ramp, type Ramp } from "./draw/palette.ts";
import { Panel } from "./shell/panel.ts";
import { project } from "./draw/projection.ts";
import { Refreshes } from "./shell/refreshing.ts";
import { Rove } from "./draw/rove.ts";
import { domainOf, isShown, selected } from "./sift/selection.ts";
import { Spots } from "./rows/spots.ts";
import { Stage, type Scene } from "./draw/stage.ts";
import { lastHours, Timeline } from "./time/timeline.ts";
import type { Listener, Told } from "./told.ts";
import { bounded, panned, WHOLE_WORLD, zoomed, type View } from "./draw/view.ts";
import { Wallboard } from "./shell/wallboard.ts";

const AGES = 15_000; // ages on the panel grow
const NIGHTFALL = 60_000; // the night moves on by a quarter of a degree

class Page {
  readonly #choices = new Choices();
  readonly #theme = new ThemeSwitch(part<HTMLSelectElement>("theme"), () => this.#rethemed());
  readonly #hues = new HueSwitch(part<HTMLSelectElement>("hues"), () => this.#rethemed());
  readonly #offline = new Offline();
  readonly #layers: Layers = new Layers(
    () => this.#renewed(), () => this.#offline.keeps,
    (layer) => isShown(layer, this.#choices.now) || layer.dataset.kind === "actors", // their panel is there all the time
  );
  readonly #filters = new Filters(() => this.#refresh());
  readonly #stage: Stage = new Stage(
    () => this.#scene(), () => this.#see(this.#choices.now.view), () => this.#painted(),
  );
  readonly #spots = new Spots(this.#choices, this.#stage);
  readonly #rove = new Rove(this.#stage, this.#spots, () => this.#choices.now.view);
  readonly #legend = new Legend(part("legend"), this.#choices);
  readonly #lights = new Lights(() => this.#stage.remark());
  readonly #analysis = new Analysis(this.#choices, this.#stage, this.#spots);
  readonly #notice = new Notice(() => void this.#watch.now());
  readonly #freshness = new Freshness();
  readonly #watch = new Watch((signal) => this.#ask(signal));
  readonly #timeline = new Timeline(this.#choices);
  readonly #wallboard = new Wallboard(this.#choices, this.#theme);
  readonly #panel = new Panel(part("layers"), this.#choices, {
    refreshes: new Refreshes(() => this.#refresh(), () => void this.#watch.now()),
    rename: (name, title) => this.#layers.rename(name, title),
    remove: (name) => this.#layers.remove(name),
  });
  readonly #parts: readonly Listener[] = [
    this.#spots, this.#timeline, this.#panel, this.#wallboard, new DrawingSwitch(this.#choices), this.#legend,
    this.#lights, this.#rove, this.#analysis,
  ];
  #sites: Told["sites"] = [];
  #ramps = new Map<number, Ramp>();
  #told: Told = this.#gather();
  #asked = false;
  #wanted = false;

  start(): void {
    this.#choices.hear((now, before) => this.#chosen(now, before));
    listen(this.#stage.element, this.#stage.surface, {
      pan: (dx, dy) => this.#see(panned(this.#choices.now.view, this.#stage.size, dx, dy)),
      zoom: (factor, px, py) => this.#see(zoomed(this.#choices.now.view, this.#stage.size, factor, px, py)),
      reset: () => this.#see(WHOLE_WORLD),
      hover: (at) => this.#spots.hover(at),
      choose: (at) => {
        this.#spots.pin(at);
        this.#analysis.chosen(at);
      },
      dismiss: () => this.#dismiss(),
    });
    this.#buttons();
    this.#keys();
    new Files(this.#layers);
    new Linked(this.#choices, (choice) => this.#restore(choice)).start();
    this.#rethemed();
    setInterval(() => this.#refresh(), AGES);
    setInterval(() => this.#dusk(), NIGHTFALL);
    this.#stage.basemap.start().catch(() => {}); // the answer of the server brings the next try
    void this.#watch.now();
    void this.#offline.start();
  }

  #keys(): void {
    const { player } = this.#timeline;
    const help = new Help();
    shortcuts({
      "?": () => help.toggle(), w: () => this.#wallboard.toggle(), "[": () => player.step(-1), "]": () => player.step(1),
    });
    mapShortcuts(this.#stage.element, { " ": () => player.toggle() });
  }

  /** Takes over what an address says. */
  #restore(choice: Choice): void {
    const range = choice.last === null ? choice.range : lastHours(domainOf(this.#layers.all), choice.last);
    this.#choices.change({ ...choice, range, view: bounded(choice.view, this.#stage.size) });
  }

  #buttons(): void {
    const zoom = (factor: number): void => {
      const { width, height } = this.#stage.size;
      this.#see(zoomed(this.#choices.now.view, this.#stage.size, factor, width / 2, height / 2));
    };
    part("closer").addEventListener("click", () => zoom(1.5));
    part("wider").addEventListener("click", () => zoom(1 / 1.5));
    part("reset").addEventListener("click", () => this.#see(WHOLE_WORLD));
    for (const kind of ["focus", "blur"]) {
      this.#stage.element.addEventListener(kind, () => this.#stage.remark());
    }
  }

  async #ask(signal: AbortSignal): Promise<void> {
    try {
      const catalogue = await fetchCatalogue(signal, this.#offline.keeps);
      this.#freshness.answered();
      this.#asked = true;
      this.#announce(catalogue);
      await this.#stage.basemap.start();
    } catch (error) {
      if (isCalledOff(error)) return;
      if (isFinal(error)) await forget();
      else if (!this.#asked) await this.#recall();
      this.#freshness.trouble = sentence(error);
      this.#renewed();
    }
  }

  /** Without an answer so far, what was kept from an earlier visit is better than nothing. */
  async #recall(): Promise<void> {
    const kept = this.#offline.keeps ? await keptCatalogue() : null;
    if (kept === null) return;
    this.#freshness.answered(kept.at);
    this.#asked = true;
    this.#announce(kept);
  }

  #announce({ datasets, sites }: Catalogue): void {
    this.#sites = sites.map(({ longitude, latitude }) => project(longitude, latitude));
    this.#layers.announce(datasets);
  }

  /** Escape closes one thing at a time. */
  #dismiss(): void {
    if (this.#choices.now.wallboard) return this.#choices.change({ wallboard: false });
    if (!this.#spots.dismiss()) this.#choices.change({ range: null, last: null });
  }

  /** New rows, or new facts about them. */
  #renewed(): void {
    const { last } = this.#choices.now;
    this.#freshness.tick();
    if (last === null) this.#refresh();
    else this.#choices.change({ range: lastHours(domainOf(this.#layers.all), last) });
  }

  #see(view: View): void {
    this.#choices.change({ view: bounded(view, this.#stage.size) });
  }

  #chosen(now: Choice, before: Choice): void {
    if (now.view !== before.view) {
      this.#stage.remark();
      this.#spots.moved();
      this.#rove.moved();
      this.#stage.element.dataset["view"] = [now.view.x, now.view.y, now.view.zoom].map((one) => one.toFixed(4)).join();
    }
    if (nightOf(now, 0) !== nightOf(before, 0)) this.#stage.redraw();
    if (now.flipped !== before.flipped) this.#layers.catchUp();
    if (otherRows(now, before)) this.#refresh();
  }

  #dusk(): void {
    if (nightOf(this.#choices.now, 0) === 0) this.#stage.redraw();
  }

  #painted(): void {
    this.#legend.painted(this.#stage.pictured.most);
    this.#rove.moved();
  }

  #rethemed(): void {
    this.#ramps.clear();
    this.#stage.redraw();
    this.#refresh();
  }

  /** Points, counts and words, in the next frame. */
  #refresh(): void {
    this.#told = this.#gather();
    this.#stage.repoint();
    if (this.#wanted) return;
    this.#wanted = true;
    requestAnimationFrame(() => {
      this.#wanted = false;
      for (const each of this.#parts) each.show(this.#told);
      this.#notice.show(this.#layers.all, this.#freshness.trouble, this.#asked);
    });
  }

  #gather(): Told {
    const [choice, layers] = [this.#choices.now, this.#layers.all];
    this.#filters.sift(layers, choice);
    const all = selected(layers, choice, this.#filters);
    return {
      choice,
      layers,
      selected: all,
      shown: all.filter(({ layer }) => isShown(layer, choice)),
      filters: this.#filters,
      domain: domainOf(layers),
      sites: this.#sites,
      theme: this.#theme.current,
      colourOf: (layer: Layer) => css(hue(layer.hue, this.#theme.current, this.#hues.current)),
    };
  }

  #ramp(index: number): Ramp {
    const made = this.#ramps.get(index) ?? ramp(index, this.#theme.current, this.#hues.current);
    this.#ramps.set(index, made);
    return made;
  }

  #scene(): Scene {
    const [told, choice] = [this.#told, this.#choices.now];
    const colours = (some: Told["shown"]): string[] => some.map(({ layer }) => told.colourOf(layer));
    const lines = () => ({ bundle: bundleFor(told), colours: colours(leadingOf(told)), moving: this.#lights.moving });
    return {
      view: choice.view,
      theme: this.#theme.current,
      drawing: choice.drawing,
      layers: told.shown.map(({ layer, columns, slice }) => ({ columns, slice, ramp: this.#ramp(layer.hue) })),
      colours: colours(told.shown),
      fills: choice.drawing === "countries" ? fillsFor(told) : null,
      night: nightOf(choice, Date.now()),
      arcs: choice.arcs ? lines() : null,
      marks: this.#spots.marks,
      crosshair: this.#stage.element.matches(":focus-visible"),
    };
  }
}

new Page().start();
