/** The exec form of an instruction: a JSON list of texts. */
import { Complaint } from "./complaint.ts";

/**
 * The texts, or undefined where `text` is not one JSON list. `at` is where `text` begins in its instruction.
 *
 * `["a"] b` is no list. (Docker before BuildKit took it for `["a"]` and dropped the rest.)
 */
export function jsonWords(text: string, at: number): string[] | undefined {
  if (!text.startsWith("[")) return undefined;
  const value = parsed(text);
  if (value === undefined) return undefined;
  if (value.every((word) => typeof word === "string")) return value.map((word) => word.toWellFormed());
  throw new Complaint("when using JSON array syntax, arrays must be comprised of strings only", {
    at,
    length: text.length,
    phase: "syntax",
  });
}

function parsed(text: string): unknown[] | undefined {
  try {
    return JSON.parse(text) as unknown[];
  } catch {
    return undefined;
  }
}
