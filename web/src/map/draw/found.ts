/** What the drawings need to know of the rows; worked out when first asked for, once for each choice. */

import { bundle, type Bundle } from "./arcs.ts";
import type { Dataset } from "../data/catalogue.ts";
import * as format from "../../format.ts";
import { nationsOf, breaksFor, changeOf, classOf, periodBefore, type Nation, type Nations } from "./nations.ts";
import { amountColour, CHANGES, css } from "./palette.ts";
import type { Selected } from "../sift/selection.ts";
import type { Told } from "../told.ts";

function once<Key extends object, Value>(make: (key: Key) => Value): (key: Key) => Value {
  const made = new WeakMap<Key, Value>();
  return (key) => {
    const value = made.get(key) ?? make(key);
    made.set(key, value);
    return value;
  };
}

export const nationsFor = once<Told, Nations>(({ shown, choice, domain }) =>
  nationsOf(shown, periodBefore(choice.range, domain)));

export const breaksOf = once<Nations, number[]>(({ by }) => breaksFor([...by.values()].map(({ share }) => share)));

/** The colour of each class, from few to many. */
export const classColours = (classes: number, theme: Told["theme"]): string[] =>
  Array.from({ length: classes }, (_, i) => css(amountColour(0.18 + (0.82 * (i + 1)) / classes, theme)));

/** The colour of each country that has one. */
export const fillsFor = once<Told, ReadonlyMap<string, string>>((told) => {
  const nations = nationsFor(told);
  const breaks = breaksOf(nations);
  const colours = classColours(breaks.length, told.theme);
  const colourOf = (nation: Nation): string | null => {
    if (told.choice.measure === "share") return nation.events > 0 ? colours[classOf(nation.share, breaks)] : null;
    const change = changeOf(nation);
    return change === null ? null : css(CHANGES[change]);
  };
  return new Map([...nations.by].flatMap(([code, nation]) => {
    const colour = colourOf(nation);
    return colour === null ? [] : [[code, colour] as const];
  }));
});

/** Whether the rows of a dataset lead anywhere. */
export const leads = ({ arc }: Dataset): boolean => arc !== null && arc !== undefined;

export const leadingOf = ({ shown }: Told): readonly Selected[] => shown.filter(({ layer }) => leads(layer.dataset));

/** The lines of all layers that lead anywhere, by their place among those. */
export const bundleFor = once<Told, Bundle>((told) =>
  bundle(leadingOf(told).map(({ layer, columns, slice }) => ({
    columns, slice, sites: layer.dataset.arc === "sites" ? told.sites : null,
  }))));

/** A row may stand for many events. */
export const unitOf = ({ shown }: Told): "row" | "event" =>
  shown.some(({ columns }) => columns.weight) ? "event" : "row";

/** "1 row", "1,204 events" */
export const counted = (told: Told, events: number): string =>
  `${format.count(events)} ${unitOf(told)}${events === 1 ? "" : "s"}`;
