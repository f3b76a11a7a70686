/** Values as Go's fmt package prints them, and its Printf, for the templates that Docker's users write. */

/** Go's `%v`: strings bare, lists `[a b]`, objects and maps `map[a:b]` with sorted keys, null `<nil>`. */
export function goPrint(value: unknown): string {
  if (value === null || value === undefined) return "<nil>";
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return `[${value.map(goPrint).join(" ")}]`;
  if (typeof value === "number") return printNumber(value);
  if (typeof value === "object") {
    const members = mapEntries(value).map(([key, item]) => `${key}:${goPrint(item)}`);
    return `map[${members.join(" ")}]`;
  }
  return String(value as boolean | bigint);
}

/** Members of an object or Map, sorted by key as Go prints and ranges over maps. */
export function mapEntries(value: object): [string, unknown][] {
  const entries: [string, unknown][] =
    value instanceof Map
      ? [...(value as Map<unknown, unknown>)].map(([key, item]) => [String(key), item])
      : Object.entries(value);
  return entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

/** fmt.Sprint: spaces only between operands of which neither is a string. */
export function goSprint(values: readonly unknown[]): string {
  let text = "";
  for (const [i, value] of values.entries()) {
    const apart = i > 0 && typeof value !== "string" && typeof values[i - 1] !== "string";
    text += (apart ? " " : "") + goPrint(value);
  }
  return text;
}

/** fmt.Sprintln. */
export function goSprintln(values: readonly unknown[]): string {
  return `${values.map(goPrint).join(" ")}\n`;
}

function printNumber(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  // Whole numbers are integers to Docker's templates; %v of a float is %g with exponents from 1e21 on.
  return String(value).replace(/e([+-])(\d)$/, "e$10$2");
}

const verb = /%([-+# 0]*)(\d+|\*)?(?:\.(\d+|\*)?)?(.)?/gsu;

/** fmt.Sprintf for %v %s %d %q %t %x %X %c %U %b %o %f %g %e %T %%, with flags, width and precision. */
export function goSprintf(format: string, values: readonly unknown[]): string {
  let used = 0;
  const text = format.replace(
    verb,
    (all: string, flags: string, width?: string, precision?: string, letter?: string) => {
      if (letter === undefined) return "%!(NOVERB)";
      if (letter === "%") return "%";
      const columns = width === "*" ? Number(values[used++]) : Number(width ?? 0);
      const digits = precision === "*" ? Number(values[used++]) : precision;
      if (used >= values.length) return `%!${letter}(MISSING)`;
      const places = digits === undefined ? (all.includes(".") ? 0 : undefined) : Number(digits);
      const printed = formatOne(letter, values[used++], flags, places);
      return pad(printed, columns, flags, letter);
    },
  );
  if (used >= values.length) return text;
  const extra = values.slice(used).map((value) => `${goType(value)}=${goPrint(value)}`);
  return `${text}%!(EXTRA ${extra.join(", ")})`;
}

function pad(text: string, width: number, flags: string, letter: string): string {
  const missing = width - [...text].length;
  if (missing <= 0) return text;
  if (flags.includes("-")) return text + " ".repeat(missing);
  if (flags.includes("0") && /[dfegxXbo]/.test(letter)) {
    const sign = /^[+-]/.exec(text)?.[0] ?? "";
    return sign + "0".repeat(missing) + text.slice(sign.length);
  }
  return " ".repeat(missing) + text;
}

function formatOne(letter: string, value: unknown, flags: string, places: number | undefined): string {
  const isNumber = typeof value === "number";
  const sign = isNumber && flags.includes("+") && value >= 0 ? "+" : "";
  switch (letter) {
    case "v":
      return sign + goPrint(value);
    case "T":
      return goType(value);
    case "t":
      return typeof value === "boolean" ? String(value) : mismatch(letter, value);
    case "s":
    case "q":
    case "x":
    case "X":
      if (typeof value === "string") return formatString(letter, value, places);
      if (Array.isArray(value) && letter !== "x" && letter !== "X") {
        return `[${value.map((item) => formatOne(letter, item, flags, places)).join(" ")}]`;
      }
      break;
  }
  if (!isNumber) return mismatch(letter, value);
  const text = formatNumber(letter, value, places);
  return text === undefined ? mismatch(letter, value) : sign + text;
}

function formatString(letter: string, value: string, places: number | undefined): string {
  const cut = places === undefined ? value : [...value].slice(0, places).join("");
  if (letter === "s") return cut;
  if (letter === "q") return goQuote(cut);
  const hex = Buffer.from(cut).toString("hex");
  return letter === "x" ? hex : hex.toUpperCase();
}

function formatNumber(letter: string, value: number, places: number | undefined): string | undefined {
  const integer = Number.isInteger(value);
  const bases: Record<string, number> = { d: 10, x: 16, X: 16, o: 8, b: 2 };
  const base = bases[letter];
  if (base !== undefined) {
    if (!integer) return undefined;
    const digits = value.toString(base);
    return letter === "X" ? digits.toUpperCase() : digits;
  }
  switch (letter) {
    case "c":
      return integer ? String.fromCodePoint(value) : undefined;
    case "U":
      return integer ? `U+${value.toString(16).toUpperCase().padStart(4, "0")}` : undefined;
    case "f":
    case "F":
      return value.toFixed(places ?? 6);
    case "e":
      return value.toExponential(places ?? 6).replace(/e([+-])(\d)$/, "e$10$2");
    case "g":
      return printNumber(places === undefined ? value : Number(value.toPrecision(Math.max(1, places))));
    default:
      return undefined;
  }
}

function mismatch(letter: string, value: unknown): string {
  if (value === null || value === undefined) return `%!${letter}(<nil>)`;
  return `%!${letter}(${goType(value)}=${goPrint(value)})`;
}

/** The Go type that Docker's own value would most likely have; it is only shown in messages. */
export function goType(value: unknown): string {
  if (value === null || value === undefined) return "<nil>";
  switch (typeof value) {
    case "string":
      return "string";
    case "boolean":
      return "bool";
    case "number":
      return Number.isInteger(value) ? "int" : "float64";
    default:
      return Array.isArray(value) ? "[]interface {}" : "map[string]interface {}";
  }
}

/** strconv.Quote. */
export function goQuote(text: string): string {
  const names: Record<string, string> = {
    '"': '\\"',
    "\\": "\\\\",
    "\x07": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
  };
  // Not printable: controls, format characters, separators other than the space, lone surrogates.
  const escaped = text.replace(/["\\\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu, (character) => {
    const named = names[character];
    if (named !== undefined) return named;
    const code = character.codePointAt(0) as number;
    if (code < 0x80) return `\\x${code.toString(16).padStart(2, "0")}`;
    return code < 0x10000
      ? `\\u${code.toString(16).padStart(4, "0")}`
      : `\\U${code.toString(16).padStart(8, "0")}`;
  });
  return `"${escaped}"`;
}
