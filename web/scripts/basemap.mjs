// Cuts the countries at the antimeridian and projects them, so that the page needs neither d3 nor
// TopoJSON: those are spherical, and drawn as they are Russia, Fiji and Antarctica become bands.
//
// Output, one file per level of detail, all numbers integers:
//   {scale, outline: ring, graticule: [line], countries: [{name, label: [x, y], rings: [ring]}]}
// A ring or line is [x0, y0, dx1, dy1, …]; divide by `scale` to get the units of `projection.ts`.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { geoEqualEarth, geoGraticule, geoPath } from "d3-geo";
import { feature } from "topojson-client";

const require = createRequire(import.meta.url);
const LEVELS = [
  { file: "110m", scale: 8_000 },
  { file: "50m", scale: 30_000 },
];

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

const basemap = (topology, scale) => {
  const projection = geoEqualEarth().scale(scale).translate([0, 0]).precision(scale / 4_000);
  const countries = feature(topology, topology.objects.countries).features.map((country) => {
    const rings = draw(projection, country).filter((ring) => packed(ring).length >= 6);
    const name = country.properties.name;
    return { name: NAMES.get(name) ?? name, label: middle(rings), rings: rings.map(packed) };
  });
  return {
    scale,
    outline: packed(draw(projection, { type: "Sphere" })[0]),
    graticule: draw(projection, geoGraticule().step([30, 30]).extentMajor([[-180, -90], [180, 90]])()).map(packed),
    countries,
  };
};

const folder = new URL("../generated/", import.meta.url);
await mkdir(folder, { recursive: true });
for (const { file, scale } of LEVELS) {
  const topology = JSON.parse(await readFile(require.resolve(`world-atlas/countries-${file}.json`), "utf8"));
  await writeFile(new URL(`world-${file}.json`, folder), JSON.stringify(basemap(topology, scale)));
}
