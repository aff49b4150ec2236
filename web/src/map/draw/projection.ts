/** Equal Earth, so that density is honest: equal areas of ground are equal areas of screen.
 *
 *  World units: the sphere has radius 1, x runs east, y runs **down** as on a screen. */

const A1 = 1.340264;
const A2 = -0.081106;
const A3 = 0.000893;
const A4 = 0.003796;
const M = Math.sqrt(3) / 2;
const RADIANS = Math.PI / 180;

const northing = (l: number, l2: number, l6: number): number =>
  l * (A1 + A2 * l2 + l6 * (A3 + A4 * l2));
const slope = (l2: number, l6: number): number => A1 + 3 * A2 * l2 + l6 * (7 * A3 + 9 * A4 * l2);

/** Half the width and half the height of the world, in world units. */
export const HALF_WIDTH = project(180, 0)[0];
export const HALF_HEIGHT = -project(0, 90)[1];

export function project(longitude: number, latitude: number): [x: number, y: number] {
  const l = Math.asin(M * Math.sin(latitude * RADIANS));
  const l2 = l * l;
  const l6 = l2 * l2 * l2;
  const x = (longitude * RADIANS * Math.cos(l)) / (M * slope(l2, l6));
  return [x, -northing(l, l2, l6)];
}

/** The place at a point of the world, or null beside the globe. */
export function unproject(x: number, y: number): [longitude: number, latitude: number] | null {
  let l = -y;
  for (let i = 0; i < 12; i++) {
    const l2 = l * l;
    const l6 = l2 * l2 * l2;
    const step = (northing(l, l2, l6) + y) / slope(l2, l6);
    l -= step;
    if (Math.abs(step) < 1e-12) break;
  }
  const l2 = l * l;
  const sine = Math.sin(l) / M;
  const longitude = (M * x * slope(l2, l2 * l2 * l2)) / Math.cos(l) / RADIANS;
  if (Math.abs(sine) > 1 || Math.abs(longitude) > 180) return null;
  return [longitude, Math.asin(sine) / RADIANS];
}
