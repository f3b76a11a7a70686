/** Names of the driver's directories. */
import { Failure } from "../errors.ts";
import type { CacheId } from "./types.ts";

/** What varve and Docker's image store make: 64 hex digits, `-init` for a container's init layer. */
const made = /^[0-9a-f]{64}(-init)?$/;

/** What may stand in a path: BuildKit inside dockerd makes 25 letters and digits. */
const usable = /^[0-9a-z]{8,64}(-init)?$/;

/** Whether garbage collection may judge the directory: those of others' (BuildKit's) are left alone. */
export function isOwnCacheId(name: string): name is CacheId {
  return made.test(name);
}

/** @throws Failure("invalid") for a name that is no cache ID, such as one that holds a slash */
export function checkCacheId(id: CacheId): CacheId {
  if (!usable.test(id)) throw new Failure("invalid", `invalid layer directory name ${JSON.stringify(id)}`);
  return id;
}
