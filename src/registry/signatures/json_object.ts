/** JSON that must be an object. */
import { parseJson } from "../../oci/index.ts";
import { invalidSignature } from "./signature_failure.ts";

/** @throws Failure "unauthorized" for other JSON, "invalid" and "limit" as `parseJson` */
export function jsonObject(bytes: Uint8Array, what: string): Readonly<Record<string, unknown>> {
  const value = parseJson(bytes, { what });
  if (typeof value !== "object" || value === null) throw invalidSignature(`has a ${what} that is no object`);
  return value as Readonly<Record<string, unknown>>;
}
