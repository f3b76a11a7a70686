import { bytesText } from "../policy/bytes_text.ts";
import { RegistryError } from "../registry_error.ts";
import type { Shortage } from "./account.ts";

/** What a client is told that has no room: docker and podman show the message behind `denied:`. */
export function quotaDenied({ account, what, limit, used, wanted }: Shortage): RegistryError {
  const pool = account.pool.name;
  const text = what === "bytes" ? bytesText : (count: number) => `${count} tags`;
  const message = `quota of ${pool} exceeded: limit ${text(limit)}, used ${text(used)}, wanted ${text(wanted)}`;
  return new RegistryError("DENIED", [{ pool, what, limit, used, wanted }], {}, { message });
}
