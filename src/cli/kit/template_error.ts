import { Failure } from "../../errors.ts";

/** A fault in the template's text, in the words of Go and Docker's CLI: `template: :LINE: what`. */
export function templateError(source: string, at: number, what: string): Failure {
  const line = source.slice(0, at).split("\n").length;
  return new Failure("invalid", `template parsing error: template: :${line}: ${what}`);
}

/** A fault while a template runs: `template: :LINE:COLUMN: executing "" at <node>: what`, column from 0. */
export function executionError(source: string, at: number, node: string, what: string): Failure {
  const before = source.slice(0, at);
  const line = before.split("\n").length;
  const column = Buffer.byteLength(before.slice(before.lastIndexOf("\n") + 1));
  return new Failure(
    "invalid",
    `template parsing error: template: :${line}:${column}: executing "" at <${node}>: ${what}`,
  );
}
