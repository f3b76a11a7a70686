/** Values as Go's fmt prints them, in the history texts of Docker's builders. */

const named: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
};

/** `%q` of a list of strings: `["/bin/sh" "-c"]`. */
export function quoteList(words: readonly string[]): string {
  return `[${words.map((word) => quoteText(word)).join(" ")}]`;
}

/** `%v` of a list of strings: `[/a /b]`. */
export function plainList(words: readonly string[]): string {
  return `[${words.join(" ")}]`;
}

/** `%q` of a string (strconv.Quote). */
export function quoteText(text: string): string {
  return `"${escapeWithin(text, '"')}"`;
}

/** `%q` of an integer, which is taken for a character (strconv.QuoteRune): 3 is `'\x03'`. */
export function quoteRune(code: number): string {
  const valid = code >= 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
  return `'${escapeWithin(String.fromCodePoint(valid ? code : 0xfffd), "'")}'`;
}

/** Not printable are controls, format characters, lone surrogates and all separators but the space. */
function escapeWithin(text: string, quote: '"' | "'"): string {
  return text.replace(/["'\\\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu, (character) => {
    if (character === '"' || character === "'") return character === quote ? `\\${quote}` : character;
    const known = named[character];
    if (known !== undefined) return known;
    const code = character.codePointAt(0) as number;
    const hex = code.toString(16);
    if (code < 0x80) return `\\x${hex.padStart(2, "0")}`;
    return code < 0x10000 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
  });
}

const units = [
  ["h", 3_600_000_000_000],
  ["m", 60_000_000_000],
] as const;

/** `time.Duration.String`: `1h0m0s`, `1m30s`, `1.5s`, `250ms`, `0s`. */
export function durationText(nanoseconds: number): string {
  const size = Math.abs(nanoseconds);
  const sign = nanoseconds < 0 ? "-" : "";
  if (size === 0) return "0s";
  if (size < 1_000) return `${sign}${size}ns`;
  if (size < 1_000_000) return `${sign}${decimal(size, 1_000)}µs`;
  if (size < 1_000_000_000) return `${sign}${decimal(size, 1_000_000)}ms`;
  let rest = size;
  let text = "";
  for (const [unit, length] of units) {
    const count = Math.floor(rest / length);
    rest -= count * length;
    if (count > 0 || text !== "") text += `${count}${unit}`;
  }
  return `${sign}${text}${decimal(rest, 1_000_000_000)}s`;
}

function decimal(value: number, unit: number): string {
  const whole = Math.floor(value / unit);
  const fraction = String(value - whole * unit)
    .padStart(String(unit).length - 1, "0")
    .replace(/0+$/, "");
  return fraction === "" ? String(whole) : `${whole}.${fraction}`;
}
