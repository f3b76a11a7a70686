import type { Progress } from "../../bytes/index.ts";

/**
 * Whether an event belongs to a line of its own that changes, rather than being said once: a layer's 12 digits, or
 * anything with counts. `Pulling from library/alpine` with a tag as id is said once.
 */
export function isRepainted({ id, current }: Progress): boolean {
  return id !== undefined && (current !== undefined || /^[0-9a-f]{12}$/.test(id));
}

/** Whether its line changes no more: words with which a layer ends (Docker's). */
export function isFinal({ status }: Progress): boolean {
  return finalStatus.test(status);
}

const finalStatus =
  /^(Pull complete|Already exists|Download complete|Pushed|Layer already exists|Mounted from |Loaded|Done)/;
