import type { KeyObject } from "node:crypto";
import type { JwtHeader } from "./jwt.ts";

/** Knows whose signatures count. */
export interface KeySource {
  /**
   * The key that signed, going by the token's header.
   * @throws Failure "unauthorized" if it is none that we trust; "unavailable" if we could not find out
   */
  keyOf(header: JwtHeader): Promise<KeyObject>;
}
