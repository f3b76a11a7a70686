/**
 * JSON as Go's encoding/json reads and writes it. Docker's identifiers are digests of such text, so every byte counts:
 * no spaces, `<`, `>`, `&`, U+2028 and U+2029 as `\u003c`..., other control characters as `\u00XX`
 * (encoding/json, `appendString` with escapeHTML; Go before 1.22, which wrote Docker's stores, has no `\b` and `\f`).
 */
import { Failure } from "../errors.ts";

export interface GoJsonOptions {
  /** `true`: keys of all objects in byte order, as Go writes maps; `"top"`: of the outermost object only. */
  readonly sortKeys?: boolean | "top";
}

/**
 * Compact JSON in Go's spelling. Keys come in the order of the object; a `Map` keeps its order even for keys that
 * look like numbers (JavaScript moves those to the front of an object). Undefined values are left out.
 */
export function goJson(value: unknown, options: GoJsonOptions = {}): string {
  return write(value, options.sortKeys ?? false) ?? "null";
}

function write(value: unknown, sort: boolean | "top"): string | undefined {
  switch (typeof value) {
    case "string":
      return goString(value);
    case "bigint":
      return value.toString();
    case "object":
      break;
    default:
      return JSON.stringify(value);
  }
  if (value === null) return "null";
  const below = sort === true;
  if (Array.isArray(value)) {
    return `[${value.map((item) => write(item, below) ?? "null").join(",")}]`;
  }
  const entries: [string, unknown][] =
    value instanceof Map ? [...(value as Map<string, unknown>)] : Object.entries(value);
  if (sort !== false) entries.sort(([a], [b]) => compareBytes(a, b));
  const members: string[] = [];
  for (const [key, item] of entries) {
    const text = write(item, below);
    if (text !== undefined) members.push(`${goString(key)}:${text}`);
  }
  return `{${members.join(",")}}`;
}

/** Only needed where JSON.stringify and Go differ; most strings have none of these. */
// eslint-disable-next-line no-control-regex
const differs = /[<>&\u2028\u2029\b\f\ud800-\udfff]/;

function goString(text: string): string {
  if (!differs.test(text)) return JSON.stringify(text);
  return JSON.stringify(text.toWellFormed()).replace(/\\[^u]|[<>&\u2028\u2029]/g, (found) => {
    if (found === "\\b") return "\\u0008";
    if (found === "\\f") return "\\u000c";
    return found.startsWith("\\") ? found : `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** Order of the UTF-8 bytes, which differs from JavaScript's order only beyond U+D7FF. */
function compareBytes(a: string, b: string): number {
  if (/[\ud800-\uffff]/.test(a + b)) return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return a < b ? -1 : a > b ? 1 : 0;
}

export interface JsonBounds {
  /** Longest accepted text in bytes; default 4 MiB, the largest manifest that registries take. */
  readonly maxBytes?: number;
  /** Deepest accepted nesting of objects and arrays; default 64. */
  readonly maxDepth?: number;
  /** What is read, for messages: `manifest`, `image config`. */
  readonly what?: string;
}

/**
 * Reads JSON from a stranger. Throws `Failure("limit")` beyond a bound and `Failure("invalid")` for bad syntax.
 * As in Go the last of equal keys wins and bytes that are not UTF-8 become U+FFFD. A key `__proto__` becomes an
 * ordinary property (JSON.parse never sets a prototype); copy such objects by spread, not by assignment.
 */
export function parseJson(bytes: Uint8Array, bounds: JsonBounds = {}): unknown {
  const { maxBytes = 4 << 20, maxDepth = 64, what = "JSON" } = bounds;
  if (bytes.length > maxBytes) {
    throw new Failure(
      "limit",
      `cannot read ${what}: ${bytes.length} bytes, at most ${maxBytes} are accepted`,
    );
  }
  if (depthOf(bytes, maxDepth) > maxDepth) {
    throw new Failure("limit", `cannot read ${what}: nested deeper than ${maxDepth} levels`);
  }
  try {
    return JSON.parse(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes));
  } catch (cause) {
    throw new Failure("invalid", `cannot read ${what}: ${(cause as Error).message}`, { cause });
  }
}

/** Nesting depth, counted only until it passes `enough`. Brackets within strings do not count. */
function depthOf(bytes: Uint8Array, enough: number): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (inString) {
      if (byte === 0x5c) i++;
      else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) inString = true;
    else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > deepest) deepest = depth;
      if (deepest > enough) return deepest;
    } else if (byte === 0x5d || byte === 0x7d) depth--;
  }
  return deepest;
}
