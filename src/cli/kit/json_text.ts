/** JSON for people, as Docker's CLI prints it: without Go's escapes of `<`, `>` and `&`. */
import { goJson } from "../../oci/index.ts";

/** JSON on one line without Go's escapes of `<`, `>` and `&`, as Docker's template function `json` writes it. */
export function plainJson(value: unknown): string {
  return unescaped(goJson(value ?? null));
}

/** JSON with four spaces a level, as `docker inspect` prints it. Keys keep their order. */
export function prettyJson(value: unknown): string {
  return unescaped(indentJson(goJson(value ?? null)));
}

/** Go's escapes of the three characters that matter in HTML, undone; `\\u003c` within a string is left alone. */
function unescaped(json: string): string {
  return json.replace(/\\\\|\\u00(3c|3e|26)/g, (all, code?: string) =>
    code === undefined ? all : String.fromCharCode(parseInt(code, 16)),
  );
}

/** Go's json.Indent. Works on the text, because objects in JavaScript cannot keep all orders of keys. */
function indentJson(json: string): string {
  let depth = 0;
  return json.replace(/"(?:[^"\\]|\\.)*"|\[\]|\{\}|[[\]{},:]/g, (token) => {
    const line = (by: number): string => `\n${"    ".repeat((depth += by))}`;
    if (token === "{" || token === "[") return token + line(1);
    if (token === "}" || token === "]") return line(-1) + token;
    if (token === ",") return token + line(0);
    return token === ":" ? ": " : token;
  });
}
