/** Colours of the canvas. Hues are Okabe and Ito's, which colour-blind readers can tell apart. */

import type { Theme } from "../theme.ts";

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
}

export const GROUND: Readonly<Record<Theme, Ground>> = {
  dark: {
    sea: "#0e1c2a", land: "#203243", border: "#3a5066", coast: "#46617b", line: "#182a3b",
    name: "#8da4b8", halo: "#203243", mark: "#ffffff",
  },
  light: {
    sea: "#e3edf4", land: "#fbfaf6", border: "#c9d0d3", coast: "#9fb2bf", line: "#d3e0e9",
    name: "#66757f", halo: "#fbfaf6", mark: "#14202b",
  },
  contrast: {
    sea: "#000000", land: "#1c1c1c", border: "#8c8c8c", coast: "#ffffff", line: "#333333",
    name: "#ffffff", halo: "#000000", mark: "#ffffff",
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

/** Faint to strong by alpha; the strongest third also leans towards white, or ink on light ground. */
export function ramp(layer: number, theme: Theme, hues: Hues = "okabe-ito"): Ramp {
  const base = hue(layer, theme, hues);
  const core = theme === "light" ? 0 : 255;
  const pixels = new Uint32Array(256);
  for (let light = 1; light < 256; light++) {
    const lean = Math.max(0, (light - 150) / 105) * (theme === "light" ? 0.1 : 0.4);
    const [red, green, blue] = base.map((part) => Math.round(part + (core - part) * lean));
    const alpha = Math.min(255, Math.round(light * 1.35));
    pixels[light] = ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;
  }
  return pixels;
}
