/** A damaged entry is for fsck to report; elsewhere it must not stand in the way of all others. */
import { isFailure } from "../errors.ts";

/** What was read, or undefined if it is damaged. */
export async function ignoreCorrupt<T>(read: Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (isFailure(error, "corrupt")) return undefined;
    throw error;
  }
}
