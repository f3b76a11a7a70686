/** The size that a terminal is to have (Engine API, `resize` of containers and execs). */
import type { ConsoleSize } from "../../engine/index.ts";
import { ApiError, type Call } from "../http/index.ts";

const largest = 2 ** 32 - 1;

/**
 * Both sides have to be there.
 * @throws Failure("invalid"), ApiError(400) in Docker's words for what is no number of lines or columns
 */
export function terminalSize(call: Call): ConsoleSize {
  const [rows, columns] = [side(call, "h"), side(call, "w")];
  return { rows, columns };
}

function side(call: Call, key: string): number {
  const given = call.integer(key);
  if (given !== undefined && given >= 0 && given <= largest) return given;
  const problem = given === undefined ? '"": invalid syntax' : `"${given}": value out of range`;
  throw new ApiError(400, `strconv.Atoi: parsing ${problem}`);
}
