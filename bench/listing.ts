/** How soon varve's listings answer on a large store. */
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { openEngine } from "../src/engine/index.ts";
import { deriveImage } from "../src/image/index.ts";
import { parseReference } from "../src/oci/index.ts";
import type { StoredImage } from "../src/store/index.ts";
import { packTar } from "../src/tar/index.ts";
import { fileEntry } from "./images/recipe.ts";
import type { DiskMaker } from "./measure/disk.ts";
import { run } from "./measure/program.ts";
import { median } from "./measure/statistics.ts";
import type { VarveCommand } from "./peers/varve.ts";

export interface ListingTimes {
  readonly images: number;
  /** Medians in milliseconds, from start to exit of the command. */
  readonly milliseconds: Readonly<Record<string, number>>;
}

export interface ListingOptions {
  readonly varve: VarveCommand;
  readonly disks: DiskMaker;
  readonly images: number;
  readonly signal: AbortSignal;
}

const repeats = 15;

export async function timeListings(options: ListingOptions): Promise<ListingTimes> {
  const { varve, disks, images, signal } = options;
  using disk = disks.make();
  const root = join(disk.directory, "root");
  await fillStore(root, images, signal);
  // What was written within the last two seconds is read again each time: see src/store/layer_index.ts.
  await setTimeout(2500, undefined, { signal });
  const commands = {
    "--version": ["--version"],
    images: ["--root", root, "images"],
    history: ["--root", root, "history", `team/app-${images - 1}:1`],
  };
  const milliseconds: Record<string, number> = {};
  for (const [name, args] of Object.entries(commands)) {
    const times: number[] = [];
    for (let i = 0; i <= repeats; i++) {
      const command = [...varve.command, ...args];
      const { seconds } = await run(command, { signal, environment: varve.environment });
      // The first one after the store was written fills caches.
      if (i > 0) times.push(seconds * 1000);
    }
    milliseconds[name] = median(times);
  }
  return { images, milliseconds };
}

/** A few bases, and on them many images of a layer more; each has a name. */
async function fillStore(root: string, images: number, signal: AbortSignal): Promise<void> {
  const { store } = await openEngine({ root });
  const add = async (base: StoredImage | undefined, path: string, i: number, name: string) => {
    const image = await deriveImage(store, {
      ...(base !== undefined && { base }),
      tar: packTar([fileEntry(path, Buffer.from(`${i}\n`))]),
      history: { created: "2026-01-01T00:00:00Z", created_by: `COPY ${path}` },
      edit: (config) => (config.architecture = "amd64"),
      signal,
    });
    await store.names.set(parseReference(name), image.id);
    return image;
  };
  const bases: StoredImage[] = [];
  for (let i = 0; i < images / 50; i++) bases.push(await add(undefined, "etc/base", i, `base-${i}:1`));
  for (let i = bases.length; i < images; i++)
    await add(bases[i % bases.length], "srv/app", i, `team/app-${i}:1`);
}
