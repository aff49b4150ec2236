/** What the parts of the page are told whenever anything but the view has changed. */

import type { Theme } from "../theme.ts";
import type { Choice } from "./choice.ts";
import type { Filters } from "./sift/filters.ts";
import type { Layer } from "./data/layers.ts";
import type { Selected } from "./sift/selection.ts";
import type { Range } from "./data/slice.ts";

export interface Told {
  readonly choice: Choice;
  readonly layers: readonly Layer[];
  /** Every layer with rows. */
  readonly selected: readonly Selected[];
  /** Those of them that are switched on, in the order in which they are drawn. */
  readonly shown: readonly Selected[];
  /** What facets and search leave of each layer, and how. */
  readonly filters: Filters;
  readonly domain: Range | null;
  /** Where the rows of some layers lead, in world units. */
  readonly sites: readonly (readonly [x: number, y: number])[];
  readonly theme: Theme;
  readonly colourOf: (layer: Layer) => string;
}

/** One part of the page. It shows what it is told, and changes nothing but the choice. */
export interface Listener {
  show(told: Told): void;
}
