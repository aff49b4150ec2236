// Cuts the countries at the antimeridian and projects them, so that the page needs neither d3 nor
// TopoJSON: those are spherical, and drawn as they are Russia, Fiji and Antarctica become bands.
//
// Output, one file per level of detail, all numbers integers:
//   {scale, outline: ring, graticule: [line], countries: [{name, code, label: [x, y], rings: [ring]}]}
// `code` is that of ISO 3166, two letters, or null. Countries too small for the coarse map come from
// the fine one: Singapore must be somewhere.
// A ring or line is [x0, y0, dx1, dy1, …]; divide by `scale` to get the units of `projection.ts`.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { geoEqualEarth, geoGraticule, geoPath } from "d3-geo";
import { feature } from "topojson-client";

const require = createRequire(import.meta.url);

// Natural Earth shows who holds the ground. These names are ours to keep neutral and current.
const NAMES = new Map([
  ["Turkey", "Türkiye"], ["W. Sahara", "Western Sahara"], ["Dem. Rep. Congo", "DR Congo"],
  ["Central African Rep.", "Central African Republic"], ["Dominican Rep.", "Dominican Republic"],
  ["Eq. Guinea", "Equatorial Guinea"], ["S. Sudan", "South Sudan"],
  ["Solomon Is.", "Solomon Islands"], ["Falkland Is.", "Falkland Islands"],
  ["Bosnia and Herz.", "Bosnia and Herzegovina"], ["Macedonia", "North Macedonia"],
  ["eSwatini", "Eswatini"], ["Fr. S. Antarctic Lands", "French Southern Lands"],
]);

/** A canvas context that only remembers: one array of points for each line or ring. */
class Recorder {
  lines = [];
  moveTo(x, y) { this.lines.push([[x, y]]); }
  lineTo(x, y) { this.lines.at(-1).push([x, y]); }
  closePath() {}
  arc() {}
}

const packed = (points) => {
  const numbers = [];
  let [px, py] = [0, 0];
  for (const [fx, fy] of points) {
    const [x, y] = [Math.round(fx), Math.round(fy)];
    if (numbers.length && x === px && y === py) continue;
    numbers.push(x - px, y - py);
    [px, py] = [x, y];
  }
  return numbers;
};

const area = (ring) =>
  Math.abs(ring.reduce((sum, [x, y], i) => {
    const [nx, ny] = ring[(i + 1) % ring.length];
    return sum + x * ny - nx * y;
  }, 0)) / 2;

/** The middle of a country's largest part, where its name may stand. */
const middle = (rings) => {
  const ring = rings.reduce((a, b) => (area(b) > area(a) ? b : a));
  let [twice, sx, sy] = [0, 0, 0];
  ring.forEach(([x, y], i) => {
    const [nx, ny] = ring[(i + 1) % ring.length];
    const cross = x * ny - nx * y;
    twice += cross;
    sx += (x + nx) * cross;
    sy += (y + ny) * cross;
  });
  return [Math.round(sx / (3 * twice)), Math.round(sy / (3 * twice))];
};

const draw = (projection, shape) => {
  const recorder = new Recorder();
  geoPath(projection, recorder)(shape);
  return recorder.lines;
};

/** Natural Earth numbers countries as ISO 3166 does, but for those that are not in it. */
const codeOf = ({ id, properties: { name } }) =>
  name === "Kosovo" ? "XK" : id === undefined ? null : new Intl.Locale(`und-${id}`).region;

/** The rings that still have a shape at this scale; of the smallest country the largest stays. */
const worthDrawing = (rings) => {
  const large = rings.filter((ring) => packed(ring).length >= 6);
  return large.length ? large : [rings.reduce((a, b) => (area(b) > area(a) ? b : a))];
};

const basemap = (features, scale) => {
  const projection = geoEqualEarth().scale(scale).translate([0, 0]).precision(scale / 4_000);
  const countries = features.map((country) => {
    const rings = worthDrawing(draw(projection, country));
    const name = country.properties.name;
    return { name: NAMES.get(name) ?? name, code: codeOf(country), label: middle(rings), rings: rings.map(packed) };
  });
  return {
    scale,
    outline: packed(draw(projection, { type: "Sphere" })[0]),
    graticule: draw(projection, geoGraticule().step([30, 30]).extentMajor([[-180, -90], [180, 90]])()).map(packed),
    countries,
  };
};

const featuresOf = async (file) => {
  const topology = JSON.parse(await readFile(require.resolve(`world-atlas/countries-${file}.json`), "utf8"));
  return feature(topology, topology.objects.countries).features;
};

const fine = await featuresOf("50m");
const coarse = await featuresOf("110m");
const known = new Set(coarse.map(({ properties: { name } }) => name));
const small = fine.filter(({ id, properties: { name } }) => id !== undefined && !known.has(name)
  && !coarse.some((other) => other.id === id));

const folder = new URL("../generated/", import.meta.url);
await mkdir(folder, { recursive: true });
for (const [file, scale, features] of [["110m", 8_000, [...coarse, ...small]], ["50m", 30_000, fine]]) {
  await writeFile(new URL(`world-${file}.json`, folder), JSON.stringify(basemap(features, scale)));
}
