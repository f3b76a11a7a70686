/** The size that a terminal is to have (Engine API, `resize` of containers and execs). */
import type { ConsoleSize } from "../../engine/index.ts";
import { ApiError, type Call } from "../http/index.ts";

const largest = 2 ** 32 - 1;

/** Both have to be there. @throws ApiError(400) in Docker's words (moby, server/httputils/form.go, `Uint32Value`) */
export function terminalSize(call: Call): ConsoleSize {
  const [rows, columns] = [side(call, "h", "height"), side(call, "w", "width")];
  return { rows, columns };
}

function side(call: Call, key: string, name: string): number {
  const text = call.query.get(key) ?? "";
  const isNumber = /^-?\d+$/.test(text);
  if (isNumber && Number(text) >= 0 && Number(text) <= largest) return Number(text);
  const problem = isNumber ? "value out of range" : "invalid syntax";
  throw new ApiError(400, `invalid resize ${name} ${JSON.stringify(text)}: ${problem}`);
}
