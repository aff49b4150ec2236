// Lets a test turn Azurite's clock: each line on stdin is a number of seconds to go forward.
// Leases and hidden messages then end at once, by Azurite's own rules.
"use strict";

const Real = Date;
let ahead = 0;

globalThis.Date = class Date extends Real {
  constructor(...given) {
    super(...(given.length ? given : [Real.now() + ahead]));
  }

  static now() {
    return Real.now() + ahead;
  }
};

require("node:readline")
  .createInterface({ input: process.stdin })
  .on("line", (seconds) => {
    ahead += 1000 * Number(seconds);
    process.stdout.write(`turned ${ahead}\n`);
  })
  .on("close", () => process.exit(0)); // whoever started us is gone
