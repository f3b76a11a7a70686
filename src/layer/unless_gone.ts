import { isSysError } from "../sys/index.ts";

/** What `look` finds; undefined if it has gone meanwhile: whoever commits without a pause gets what is there at the time. */
export function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (isSysError(error, "ENOENT")) return undefined;
    throw error;
  }
}
