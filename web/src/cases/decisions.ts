/** What in a case a person may decide about, and what has been decided here but not yet happened. Pure. */

import type { Case, Decision, Deed, Effect, Response } from "./api.ts";
import { action, deed, target, type Names } from "./words.ts";

/** What the case calls its files and devices. */
export function namesOf({ alert, artefacts }: Case): Names {
  const devices = [...(alert?.device ? [alert.device] : []), ...artefacts.flatMap(({ spread }) => spread?.devices ?? [])];
  return new Map([...devices.map(({ id, name }) => [id, name] as const), ...artefacts.map(({ sha1, target: path }) => [sha1, path] as const)]);
}

/** What may be decided about: the key that the server knows it by, and its name for people. */
export interface Choice {
  readonly key: string;
  readonly name: string;
  /** What it does; null for an action with several effects. */
  readonly deed: Deed | null;
}

/** What waits for a person, in the server's order: whole actions (`name.verdict`), then responses. */
export function waiting(one: Case): Choice[] {
  const [names, responses] = [namesOf(one), new Map(one.responses.map((response) => [response.key, response]))];
  return one.asked.map((key) => {
    const response = responses.get(key);
    return response ? chosen(response.key, response.effect, names) : { key, name: action(key.split(".")[0] ?? key), deed: null };
  });
}

export const chosen = (key: string, effect: Deed, names: Names): Choice =>
  ({ key, name: `${deed(effect, names)}${joined(effect.do)}${target(effect, names)}`, deed: effect });

/** What a person is asked. `place` names the button that asked it, beside which the question stands. */
export interface Question {
  readonly what: Decision;
  readonly choices: readonly Choice[];
  readonly place: string;
}

const joined = (what: string): string => (/^(device|file)\./.test(what) ? " on " : what.startsWith("indicator.") ? " " : " · ");

/** What makes an effect the one that it is, whatever people call its target. */
const identity = ({ kind, target: aim, text }: Deed, what: string): string => JSON.stringify([what, kind, aim, text]);

/** The keys of the responses that can be stopped or taken back: under way or done, and not taken back already. */
export function undoableResponses({ responses }: Case): Set<string> {
  // To have said no to taking one back is no end of it.
  const taken = new Set(responses.filter(({ turn }) => turn !== "rejected").map(({ effect }) => identity(effect, effect.do)));
  const able = ({ turn, effect }: Response): boolean =>
    turn === "waiting" || turn === "running" || turn === "succeeded" && effect.undo !== null && !taken.has(identity(effect, effect.undo));
  return new Set(responses.filter(able).map(({ key }) => key));
}

/** Whether the effect has been taken back, or is about to be. */
export const isRevoked = (effect: Effect, { revoked }: Case): boolean =>
  revoked.some((gone) => identity(gone, gone.do) === identity(effect, effect.do));

/** The keys of the effects that can be taken back; what Defender refused never happened. */
export const undoableEffects = (one: Case): Set<string> =>
  new Set(one.effects
    .filter((effect) => effect.undo !== null && effect.done !== null && !effect.result.startsWith("refused") && !isRevoked(effect, one))
    .map(({ key }) => key));

/** The keys of all that may be decided so. */
export const decidable = (one: Case, what: Decision): Set<string> =>
  what === "undo" ? new Set([...undoableResponses(one), ...undoableEffects(one)]) : new Set(one.asked);

/** Decisions that the server has written down, until the case shows that they happened. */
export class Pending {
  readonly #cases = new Map<string, Map<string, Decision>>();

  add(id: string, key: string, what: Decision): void {
    this.#cases.set(id, new Map(this.of(id)).set(key, what));
  }

  of(id: string): ReadonlyMap<string, Decision> {
    return this.#cases.get(id) ?? new Map();
  }

  /** Forgets what the case no longer asks, or no longer lets undo. */
  seen(one: Case): void {
    const left = [...this.of(one.id)].filter(([key, what]) => decidable(one, what).has(key));
    this.#cases.set(one.id, new Map(left));
  }
}
