/** Copies a text, and says so on the button that was clicked. */

import { el, part } from "../../dom.ts";

const SAID = 1_200; // milliseconds

export function clip(text: string, button: HTMLButtonElement): void {
  const before = button.textContent;
  const say = (word: string): void => {
    button.textContent = word === "Copied" ? "✓" : "no";
    part("live").textContent = word;
    setTimeout(() => (button.textContent = before), SAID);
  };
  written(text).then(() => say("Copied"), () => say("Denied"));
}

/** Over plain HTTP to another machine browsers offer no clipboard, but still obey the old command. */
async function written(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const box = el("textarea", { class: "unseen", "aria-hidden": "true" });
  box.value = text;
  document.body.append(box);
  box.select();
  const done = document.execCommand("copy");
  box.remove();
  if (!done) throw new Error("the browser does not let pages copy");
}
