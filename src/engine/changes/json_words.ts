/** The exec form of an instruction: a JSON list of texts. */
import { Failure } from "../../errors.ts";

/**
 * The texts, or undefined where `text` does not begin with a JSON list. What follows the list means nothing, as Go's
 * decoder leaves it. Throws `Failure("invalid")` for a list of other things.
 */
export function jsonWords(text: string): string[] | undefined {
  if (!text.startsWith("[")) return undefined;
  for (let end = text.indexOf("]"); end >= 0; end = text.indexOf("]", end + 1)) {
    const value = parsed(text.slice(0, end + 1));
    if (value === undefined) continue;
    if (value.every((word) => typeof word === "string")) return value;
    throw new Failure("invalid", "when using JSON array syntax, arrays must be comprised of strings only");
  }
  return undefined;
}

function parsed(text: string): unknown[] | undefined {
  try {
    return JSON.parse(text) as unknown[];
  } catch {
    return undefined;
  }
}
