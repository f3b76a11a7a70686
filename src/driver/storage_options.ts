/** `--storage-opt KEY=VALUE`, as dockerd spells it. */
import { Failure } from "../errors.ts";

export interface StorageOptions {
  /**
   * The kernel reads layers' tars past its page cache: each page is kept once, not twice, and what was just pulled is
   * read from the disk again. For hosts whose containers live long. Where the disk cannot, it is left out.
   */
  readonly directio?: boolean;
  /** Whoever lets go of an image has the pages of its tars dropped; what the mount has read stays with the mount. */
  readonly dropPages?: boolean;
}

const keys: ReadonlyMap<string, keyof StorageOptions> = new Map([
  ["erofs.directio", "directio"],
  ["erofs.drop_pages", "dropPages"],
]);

/** @throws Failure("invalid") for an option that no driver has, and for a value that is neither `true` nor `false` */
export function parseStorageOptions(options: readonly string[]): StorageOptions {
  const found: { directio?: boolean; dropPages?: boolean } = {};
  for (const option of options) {
    const [key = "", value = ""] = option.split("=", 2);
    const name = keys.get(key);
    if (name === undefined)
      throw new Failure("invalid", `unknown storage option ${JSON.stringify(key)}`, {
        hint: `These are known: ${[...keys.keys()].join(", ")}.`,
      });
    if (value !== "true" && value !== "false")
      throw new Failure(
        "invalid",
        `storage option ${key} is ${JSON.stringify(value)}, neither true nor false`,
      );
    found[name] = value === "true";
  }
  return found;
}
