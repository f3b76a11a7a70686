/** The keys by which a client wants to leave what it is attached to. */
import { Failure } from "../../errors.ts";
import { parseDetachKeys } from "../../runtime/index.ts";

/** @param name what Docker calls them: `detach` at an attach, `escape` at an exec @throws Failure("invalid") in Docker's words */
export function checkDetachKeys(keys: string, name: "detach" | "escape"): void {
  try {
    parseDetachKeys(keys);
  } catch (cause) {
    throw new Failure("invalid", `Invalid ${name} keys (${keys}) provided`, { cause });
  }
}
