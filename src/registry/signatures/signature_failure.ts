/** What is wrong with one signature. */
import { Failure } from "../../errors.ts";

/** @param what continues "the signature ...": `is over another image` */
export function invalidSignature(what: string, cause?: unknown): Failure {
  return new Failure("unauthorized", what, cause === undefined ? {} : { cause });
}
