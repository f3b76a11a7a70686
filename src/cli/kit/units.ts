/** Ages as Docker prints them, sizes as it reads them (docker/go-units, size.go and duration.go). */
import { humanDuration } from "../../wire/index.ts";

/**
 * How long ago something was created: `34 minutes ago`. The future counts as now, as in Docker. Both in ms since 1970.
 * Docker's lists carry creation times in whole seconds, so the fraction is cut off before the difference is taken.
 */
export function humanAge(then: number, now: number): string {
  return `${humanDuration(now / 1000 - Math.floor(then / 1000))} ago`;
}

/**
 * Reads bytes as Docker reads memory sizes: `512m`, `1.5GiB`, `64 kb`; all units are binary.
 * Throws an Error in the words of go-units (RAMInBytes).
 */
export function parseBytes(text: string): number {
  const space = text.indexOf(" ");
  const cut = space >= 0 ? space : lastDigit(text) + 1;
  if (cut === 0 && space < 0) throw new Error(`invalid size: '${text}'`);
  const number = text.slice(0, cut);
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(number)) {
    throw new Error(`strconv.ParseFloat: parsing ${JSON.stringify(number)}: invalid syntax`);
  }
  const size = Number(number);
  if (size < 0) throw new Error(`invalid size: '${text}'`);
  const suffix = text.slice(space >= 0 ? cut + 1 : cut);
  const lower = suffix.toLowerCase();
  const power = /^(?:([kmgtp])(?:b|ib)?|b|)$/.exec(lower);
  if (power === null) throw new Error(`invalid suffix: '${suffix.length > 3 ? suffix : lower}'`);
  const bytes = Math.trunc(size * 1024 ** ("kmgtp".indexOf(power[1] ?? "-") + 1));
  if (!Number.isSafeInteger(bytes)) throw new Error(`invalid size: '${text}'`);
  return bytes;
}

function lastDigit(text: string): number {
  for (let i = text.length - 1; i >= 0; i--) if (/[\d.]/.test(text[i] as string)) return i;
  return -1;
}

/**
 * Cuts a text to `width` columns, the last of them U+2026. Wide characters count as two columns
 * (docker/cli, formatter.Ellipsis).
 */
export function ellipsis(text: string, width: number): string {
  if (width <= 0) return "";
  if (displayWidth(text) <= width) return text;
  let used = 0;
  let kept = "";
  for (const character of text) {
    if (width === 1) return character;
    used += displayWidth(character);
    if (used > width - 1) break;
    kept += character;
  }
  return `${kept}\u2026`;
}

// East Asian Wide and Fullwidth (Unicode TR 11) with emoji; the ranges that occur in names and commands.
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/gu;

/** Columns that a text takes on a terminal. */
export function displayWidth(text: string): number {
  // eslint-disable-next-line no-control-regex
  if (/^[\x00-\x7f]*$/.test(text)) return text.length;
  return [...text].length + (text.match(wide)?.length ?? 0);
}
