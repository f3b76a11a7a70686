const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** Bytes for people: `512 MiB`, `1.25 GiB`. Rounded down: what is not full never looks so. */
export function bytesText(bytes: number): string {
  const size = Math.max(0, bytes);
  const unit = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, size)) / 10));
  return `${Math.floor((size / 1024 ** unit) * 100) / 100} ${units[unit]}`;
}
