/** Where it is night: the line between day and night, and a shade that deepens through dusk. */

import type { Patch } from "./patch.ts";
import { HALF_HEIGHT, project, unproject } from "./projection.ts";

const RADIANS = Math.PI / 180;
const DAY = 86_400_000;
const J2000 = Date.UTC(2000, 0, 1, 12);
const DUSK = Math.sin(12 * RADIANS); // below this the shade gets no deeper: nautical twilight
const CELL = 4; // device pixels: the shade is smooth
const POLE = HALF_HEIGHT * 0.9999; // half a cell beyond the pole is as dark as the pole
const STEP = 2; // degrees of longitude between two points of the line

/** The place where the sun is overhead, in degrees. */
export interface Sun {
  readonly longitude: number;
  readonly latitude: number;
}

/** The Astronomical Almanac's low-precision sun: a hundredth of a degree until 2050. */
export function sunAt(moment: number): Sun {
  const days = (moment - J2000) / DAY;
  const anomaly = (357.529 + 0.98560028 * days) * RADIANS;
  const mean = 280.459 + 0.98564736 * days;
  const ecliptic = (mean + 1.915 * Math.sin(anomaly) + 0.02 * Math.sin(2 * anomaly)) * RADIANS;
  const tilt = (23.439 - 0.00000036 * days) * RADIANS;
  const ascension = Math.atan2(Math.cos(tilt) * Math.sin(ecliptic), Math.cos(ecliptic)) / RADIANS;
  const sidereal = 280.46062 + 360.98564737 * days;
  const turn = (((ascension - sidereal + 180) % 360) + 360) % 360;
  return { longitude: turn - 180, latitude: Math.asin(Math.sin(tilt) * Math.sin(ecliptic)) / RADIANS };
}

/** The sine of the sun's height over the horizon. */
export const sunHeight = (sun: Sun, longitude: number, latitude: number): number =>
  Math.sin(latitude * RADIANS) * Math.sin(sun.latitude * RADIANS)
  + Math.cos(latitude * RADIANS) * Math.cos(sun.latitude * RADIANS) * Math.cos((longitude - sun.longitude) * RADIANS);

/** The line between day and night from west to east, in world units. */
export function terminator(sun: Sun): (readonly [x: number, y: number])[] {
  const slope = Math.tan(sun.latitude * RADIANS);
  const safe = Math.abs(slope) < 1e-4 ? 1e-4 : slope; // at an equinox the line runs through the poles
  return Array.from({ length: 360 / STEP + 1 }, (_, i) => {
    const longitude = -180 + i * STEP;
    return project(longitude, Math.atan(-Math.cos((longitude - sun.longitude) * RADIANS) / safe) / RADIANS);
  });
}

export interface Shade {
  readonly width: number;
  readonly height: number;
  readonly cell: number;
  readonly pixels: Uint32Array<ArrayBuffer>;
}

/** How dark it is on the patch. Beside the globe the value means nothing: clip it. */
export function shade(sun: Sun, patch: Patch, [red, green, blue]: readonly number[], darkness: number): Shade {
  const [width, height] = [Math.ceil(patch.width / CELL) + 1, Math.ceil(patch.height / CELL) + 1];
  const pixels = new Uint32Array(width * height);
  const tint = (blue << 16) | (green << 8) | red;
  for (let line = 0; line < height; line++) {
    const y = (patch.top + (line + 0.5) * CELL) / patch.scale;
    // On this projection a line of pixels is a parallel, and longitudes lie evenly on it.
    const place = unproject(0, Math.min(Math.max(y, -POLE), POLE));
    if (place === null) continue;
    const degrees = 1 / project(1, place[1])[0];
    const [polar, axial] = [Math.sin(place[1] * RADIANS) * Math.sin(sun.latitude * RADIANS),
      Math.cos(place[1] * RADIANS) * Math.cos(sun.latitude * RADIANS)];
    for (let column = 0; column < width; column++) {
      const longitude = ((patch.left + (column + 0.5) * CELL) / patch.scale) * degrees;
      const below = -(polar + axial * Math.cos((longitude - sun.longitude) * RADIANS)) / DUSK;
      if (below <= 0) continue;
      const alpha = darkness * (below >= 1 ? 1 : below * (2 - below));
      pixels[line * width + column] = ((Math.round(alpha * 255) << 24) | tint) >>> 0;
    }
  }
  return { width, height, cell: CELL, pixels };
}
