/** Colours of the canvas, one entry for each theme.
 *
 *  Hues of layers are Okabe and Ito's, amounts are viridis: both read the same to the colour-blind. */

import type { Theme } from "../../theme.ts";

type Rgb = readonly [red: number, green: number, blue: number];

/** One RGBA pixel for each brightness of a dot, little-endian. */
export type Ramp = Uint32Array;

// Orange and blue first: the pair that is farthest apart for every kind of colour vision.
const OKABE_ITO: readonly Rgb[] = [
  [230, 159, 0], [86, 180, 233], [0, 158, 115], [204, 121, 167], [240, 228, 66], [213, 94, 0],
  [0, 114, 178],
];
// On paper-white the two palest fade; these are the same hues, darker.
const ON_LIGHT: readonly Rgb[] = [
  [196, 112, 0], [0, 114, 178], [0, 128, 93], [176, 84, 136], [142, 130, 0], [190, 70, 0],
  [62, 72, 160],
];

// Of viridis, far apart in lightness as well: told apart in grey, too. The first is the lightest.
const GREYABLE: readonly Rgb[] = [
  [223, 227, 24], [38, 166, 133], [129, 116, 196], [110, 206, 88], [44, 132, 150], [100, 138, 214], [186, 222, 40],
];
const GREYABLE_ON_LIGHT: readonly Rgb[] = [
  [68, 1, 84], [33, 145, 140], [59, 82, 139], [96, 152, 40], [72, 40, 120], [42, 120, 142], [140, 140, 0],
];

/** Which colours the layers have: a person's choice, for no palette suits every eye. */
export type Hues = "okabe-ito" | "viridis";

export const HUES: Readonly<Record<Hues, string>> = { "okabe-ito": "Okabe–Ito", viridis: "Viridis" };

export interface Ground {
  readonly sea: string;
  readonly land: string;
  readonly border: string;
  readonly coast: string;
  readonly line: string;
  readonly name: string;
  readonly halo: string;
  readonly mark: string;
  /** What the night lays over the day, and how densely at most. */
  readonly night: Rgb;
  readonly darkness: number;
  /** What the strongest dots lean towards, and how far. */
  readonly core: Rgb;
  readonly lean: number;
  /** On a dark ground much is bright; on a light one much is dark. */
  readonly bright: boolean;
}

export const GROUND: Readonly<Record<Theme, Ground>> = {
  dark: {
    sea: "#0e1c2a", land: "#203243", border: "#3a5066", coast: "#46617b", line: "#182a3b",
    name: "#8da4b8", halo: "#203243", mark: "#ffffff", night: [0, 4, 12], darkness: 0.42,
    core: [255, 255, 255], lean: 0.4, bright: true,
  },
  light: {
    sea: "#e3edf4", land: "#fbfaf6", border: "#c9d0d3", coast: "#9fb2bf", line: "#d3e0e9",
    name: "#66757f", halo: "#fbfaf6", mark: "#14202b", night: [20, 40, 70], darkness: 0.26,
    core: [0, 0, 0], lean: 0.1, bright: false,
  },
  contrast: {
    sea: "#000000", land: "#1c1c1c", border: "#8c8c8c", coast: "#ffffff", line: "#333333",
    name: "#ffffff", halo: "#000000", mark: "#ffffff", night: [0, 0, 0], darkness: 0.5,
    core: [255, 255, 255], lean: 0.4, bright: true,
  },
};

const PALETTES: Readonly<Record<Hues, readonly [onDark: readonly Rgb[], onLight: readonly Rgb[]]>> = {
  "okabe-ito": [OKABE_ITO, ON_LIGHT], viridis: [GREYABLE, GREYABLE_ON_LIGHT],
};

export const hue = (layer: number, theme: Theme, hues: Hues = "okabe-ito"): Rgb => {
  const palette = PALETTES[hues][theme === "light" ? 1 : 0];
  return palette[layer % palette.length];
};

export const css = ([red, green, blue]: Rgb): string => `rgb(${red} ${green} ${blue})`;

const pixel = ([red, green, blue]: Rgb, alpha: number): number =>
  ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;

/** Faint to strong by alpha; the strongest third also leans towards white, or ink on light ground. */
export function ramp(layer: number, theme: Theme, hues: Hues = "okabe-ito"): Ramp {
  const { core, lean } = GROUND[theme];
  const base = hue(layer, theme, hues);
  return Uint32Array.from({ length: 256 }, (_, light) => {
    const far = Math.max(0, (light - 150) / 105) * lean;
    const mixed = base.map((part, i) => Math.round(part + (core[i] - part) * far)) as unknown as Rgb;
    return light === 0 ? 0 : pixel(mixed, Math.min(255, Math.round(light * 1.35)));
  });
}

// Matt Zucker's fit of viridis (public domain): powers of the amount, for red, green and blue.
const VIRIDIS: readonly Rgb[] = [
  [0.27772733, 0.00540734, 0.33409981], [0.10509304, 1.40461353, 1.38459016],
  [-0.33086183, 0.21484756, 0.09509516], [-4.6342305, -5.79910097, -19.33244096],
  [6.22826994, 14.17993337, 56.6905526], [4.776385, -13.74514538, -65.35303263],
  [-5.43545586, 4.64585261, 26.31243525],
];

/** Viridis at an amount from 0 to 1. */
export function viridis(amount: number): Rgb {
  const part = (channel: number): number => {
    const value = VIRIDIS.reduceRight((sum, power) => sum * amount + power[channel], 0);
    return Math.round(255 * Math.min(1, Math.max(0, value)));
  };
  return [part(0), part(1), part(2)];
}

/** Viridis with its strong end away from the ground. */
export const amountColour = (amount: number, theme: Theme): Rgb =>
  viridis(GROUND[theme].bright ? amount : 1 - amount);

/** From nothing to the most: viridis, fading in. */
export const heatRamp = (theme: Theme): Ramp =>
  Uint32Array.from({ length: 256 }, (_, heat) =>
    heat === 0 ? 0 : pixel(amountColour(0.1 + (0.9 * heat) / 255, theme), Math.min(225, heat * 4)));

/** Less, about as much, more than before: blue, grey, orange, which no kind of colour vision mixes up. */
export const CHANGES: readonly Rgb[] = [
  [0, 114, 178], [86, 180, 233], [138, 146, 152], [230, 159, 0], [213, 94, 0],
];
