/** How pages write sizes, times and digests. */
import { algorithmOf, hexOf, type Digest } from "../../oci/index.ts";
import { html, type Html } from "./html.ts";

const units = ["B", "kB", "MB", "GB", "TB", "PB"];

/** `12.3 MB`, in powers of a thousand as Docker has it. */
export function formatSize(bytes: number): string {
  let [value, unit] = [bytes, 0];
  while (value >= 999.5 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${unit === 0 ? value : Number(value.toPrecision(3))} ${units[unit]}`;
}

/** @param time milliseconds since 1970, or a text of somebody's; what is no time is written as nothing */
export function formatTime(time: number | string | undefined): Html | undefined {
  const date = new Date(time ?? Number.NaN);
  const year = date.getTime() > 0 ? date.getUTCFullYear() : Number.NaN;
  if (!(year <= 9999)) return undefined;
  const text = date.toISOString();
  return html`<time datetime="${text}">${text.slice(0, 10)} ${text.slice(11, 16)} UTC</time>`;
}

/** `sha256:0123456789ab`. */
export function shortDigest(digest: Digest): string {
  return `${algorithmOf(digest)}:${hexOf(digest).slice(0, 12)}`;
}

/** `1 tag`, `2 tags`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** The beginning of a text of somebody's, which may be megabytes long. */
export function clipped(text: string, length = 2000): string {
  return text.length <= length ? text : `${text.slice(0, length)}… (${text.length - length} more characters)`;
}
