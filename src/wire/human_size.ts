/** Sizes as Docker prints them (docker/go-units, size.go). */

const decimalUnits = ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
const binaryUnits = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"];

/**
 * Bytes in decimal units: `560B`, `13.5MB`, `7.8MB`. Tables of images and containers show 3 digits, the default;
 * `info` and progress bars show 4.
 */
export function humanSize(bytes: number, digits = 3): string {
  return scaled(bytes, 1000, decimalUnits, digits);
}

/** Bytes in binary units, 4 digits: `512MiB`. */
export function binarySize(bytes: number): string {
  return scaled(bytes, 1024, binaryUnits, 4);
}

function scaled(bytes: number, base: number, units: readonly string[], digits: number): string {
  let size = bytes;
  let unit = 0;
  for (; size >= base && unit < units.length - 1; unit++) size /= base;
  return `${formatG(size, digits)}${units[unit]}`;
}

/**
 * Go's `%.<digits>g`: significant digits without trailing zeros. Where rounding needs one digit more it goes over to
 * an exponent, so that 999.9 with 3 digits is `1e+03`, which Docker prints too.
 */
function formatG(value: number, digits: number): string {
  const [mantissa = "", exponent] = value.toPrecision(digits).split("e");
  const short = mantissa.includes(".") ? mantissa.replace(/\.?0+$/, "") : mantissa;
  if (exponent !== undefined) {
    return `${short}e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
  }
  return short;
}
