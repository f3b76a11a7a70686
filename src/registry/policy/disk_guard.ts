/** Keeps a disk from filling up: below some free space nothing is taken; reading, deleting and collecting go on. */
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { RegistryPolicy } from "../hooks.ts";
import { RegistryError } from "../registry_error.ts";
import { bytesText } from "./bytes_text.ts";

/** What must be left free. */
export type FreeSpace =
  { readonly kind: "bytes"; readonly bytes: number } | { readonly kind: "percent"; readonly percent: number };

export interface DiskSpace {
  /** Bytes. */
  readonly size: number;
  /** Bytes that who runs the registry may still write. */
  readonly free: number;
}

export interface DiskGuardOptions {
  /** Answers for the file system that has the data; default: `statfs` of `path`. */
  readonly look?: () => Promise<DiskSpace>;
  readonly path: string;
  readonly least: FreeSpace;
}

/** Of requests within this time only one looks. Milliseconds. */
const freshness = 1000;

export class DiskGuard {
  readonly #look: () => Promise<DiskSpace>;
  readonly #least: FreeSpace;
  #latest: { readonly at: number; readonly space: Promise<DiskSpace> } | undefined;

  constructor({ path, least, look = () => diskSpace(path) }: DiskGuardOptions) {
    this.#look = look;
    this.#least = least;
  }

  /**
   * 403 DENIED, not 507: of a status of 500 and above docker, podman and skopeo show the number and not what it says.
   */
  readonly policy: RegistryPolicy = {
    beforePush: ({ blobs }) => this.#refuse(blobs.reduce((sum, { size }) => sum + size, 0)),
    beforeUpload: async ({ size = 0 }) => {
      await this.#refuse(size);
      return undefined;
    },
    beforeManifest: ({ bytes }) => this.#refuse(bytes.length),
  };

  /** What is wrong, for the health page; undefined: nothing. */
  async problem(wanted = 0): Promise<string | undefined> {
    const { size, free } = await this.#space();
    const least =
      this.#least.kind === "bytes" ? this.#least.bytes : Math.ceil((size * this.#least.percent) / 100);
    if (free - wanted >= least) return undefined;
    const more = wanted === 0 ? "" : `, wanted ${bytesText(wanted)}`;
    return `the registry's disk is nearly full: ${bytesText(free)} free${more}, ${bytesText(least)} must stay so`;
  }

  async #refuse(wanted: number): Promise<void> {
    const message = await this.problem(wanted);
    if (message !== undefined) throw new RegistryError("DENIED", [undefined], {}, { message });
  }

  #space(): Promise<DiskSpace> {
    const now = Date.now();
    if (this.#latest === undefined || now - this.#latest.at >= freshness || now < this.#latest.at)
      this.#latest = { at: now, space: this.#look() };
    return this.#latest.space;
  }
}

/** A root that is not there yet will be on the disk of what is above it. */
async function diskSpace(path: string): Promise<DiskSpace> {
  try {
    const { bsize, blocks, bavail } = await statfs(path);
    return { size: bsize * blocks, free: bsize * bavail };
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    if (isMissing && dirname(path) !== path) return diskSpace(dirname(path));
    throw error;
  }
}
