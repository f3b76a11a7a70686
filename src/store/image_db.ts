/**
 * `imagedb/`: image configs, byte for byte, under their own digest (behaviours B132), and beside each what the config
 * cannot say: its parent here, and when it was last tagged (B133).
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../errors.ts";
import { chainIds, digestOf, dropNulls, isDigest, parseJson, shortId } from "../oci/index.ts";
import type { ChainId, Digest, DiffId, HistoryRow, ImageConfig, ImageId } from "../oci/index.ts";
import { ensureDirectory, syncDirectory, writeAtomically } from "./atomic_write.ts";
import { modes, type StorePaths } from "./paths.ts";
import { listIfThere, readIfThere, readTextIfSeen, readTextIfThere } from "./read_small.ts";
import { timestamp } from "./timestamp.ts";
import type { ImageDb, StoredImage } from "./types.ts";

/** The images of one store. `hasLayer` tells whether a chain ID is registered. */
export function openImageDb(paths: StorePaths, hasLayer: (chainId: ChainId) => boolean): ImageDb {
  return {
    async get(id) {
      return readImage(paths, id);
    },

    async list() {
      return listIfThere(paths.configs)
        .map((name) => `sha256:${name}`)
        .filter((id): id is Digest => isDigest(id));
    },

    async parents() {
      const parents = new Map<ImageId, ImageId>();
      for (const name of listIfThere(paths.configMetadata)) {
        const parent = readTextIfSeen(join(paths.configMetadata, name, "parent"));
        if (parent !== undefined && isDigest(parent) && isDigest(`sha256:${name}`))
          parents.set(`sha256:${name}` as ImageId, parent);
      }
      return parents;
    },

    async put(bytes, options = {}) {
      const config = checkConfig(parseStranger(bytes));
      const top = chainIds(config.rootfs.diff_ids ?? []).at(-1);
      if (top !== undefined && !hasLayer(top))
        throw new Failure("not-found", `cannot store image ${shortId(digestOf(bytes))}: no layer ${top}`);
      const id: ImageId = digestOf(bytes);
      // The parent goes first: a parent file without a config is invisible, an image without its parent is not whole.
      if (options.parent !== undefined) await setMetadata(paths, id, "parent", options.parent);
      if (readIfThere(paths.config(id))?.equals(bytes) !== true)
        await writeAtomically(paths.config(id), bytes, modes.privateFile);
      return id;
    },

    async markUpdated(id) {
      if (readIfThere(paths.config(id)) === undefined) throw noSuchImage(id);
      await setMetadata(paths, id, "lastUpdated", timestamp());
    },

    async remove(id) {
      rmSync(paths.config(id), { force: true });
      await syncDirectory(paths.configs);
      await orphanChildren(paths, id);
      rmSync(paths.metadata(id), { recursive: true, force: true });
    },
  };
}

function readImage(paths: StorePaths, id: ImageId): StoredImage | undefined {
  const bytes = readIfThere(paths.config(id));
  if (bytes === undefined) return undefined;
  const actual = digestOf(bytes);
  if (actual !== id)
    throw new Failure("corrupt", `cannot read image ${id}: its config's digest is ${actual}`, {
      hint: "Remove the image and pull it again.",
    });
  // Its digest says that these bytes were accepted once, so their depth need not be measured again.
  const config = checkConfig(JSON.parse(bytes.toString("utf8")));
  dropNulls(config);
  const metadata = paths.metadata(id);
  const parent = readTextIfSeen(`${metadata}/parent`);
  const lastUpdated = readTextIfSeen(`${metadata}/lastUpdated`);
  return {
    id,
    bytes,
    config,
    ...(parent !== undefined && isDigest(parent) ? { parent } : {}),
    ...(lastUpdated === undefined || lastUpdated === "" ? {} : { lastUpdated }),
  };
}

/** Throws `Failure("corrupt")` for bytes that are no JSON, or too much of it. */
function parseStranger(bytes: Uint8Array): unknown {
  try {
    return parseJson(bytes, { what: "image config" });
  } catch (cause) {
    throw new Failure("corrupt", (cause as Error).message, { cause });
  }
}

/** Checks what everything else relies on. Throws `Failure("corrupt")`. */
function checkConfig(parsed: unknown): ImageConfig {
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
    throw badConfig("it is no JSON object");
  const config = parsed as ImageConfig;
  const rootfs = config.rootfs as Partial<ImageConfig["rootfs"]> | undefined | null;
  if (typeof rootfs !== "object" || rootfs === null) throw badConfig("it has no rootfs");
  const diffIds: readonly unknown[] | null = rootfs.diff_ids ?? [];
  if (!Array.isArray(diffIds)) throw badConfig("its diff_ids are no list");
  const wrong = diffIds.find((diffId: DiffId) => typeof diffId !== "string" || !isDigest(diffId));
  if (wrong !== undefined) throw badConfig(`${JSON.stringify(wrong)} is no diff ID`);
  const history: readonly unknown[] | null = config.history ?? [];
  if (!Array.isArray(history)) throw badConfig("its history is no list");
  if (history.some((row) => typeof row !== "object" || row === null))
    throw badConfig("its history has a row that is no object");
  // Docker's text (moby, image/store.go): such a config would credit layers that do not exist.
  if (history.filter((row: HistoryRow) => row.empty_layer !== true).length > diffIds.length)
    throw badConfig("too many non-empty layers in History section");
  return config;
}

function badConfig(reason: string): Failure {
  return new Failure("corrupt", `invalid image config: ${reason}`);
}

function noSuchImage(id: ImageId): Failure {
  return new Failure("not-found", `No such image: ${id}`);
}

async function setMetadata(paths: StorePaths, id: ImageId, key: string, value: string): Promise<void> {
  await ensureDirectory(paths.metadata(id), modes.private);
  await writeAtomically(join(paths.metadata(id), key), value, modes.privateFile);
}

/** Docker's rule: images built on a removed one have no parent from then on (moby, image/store.go, Delete). */
async function orphanChildren(paths: StorePaths, parent: ImageId): Promise<void> {
  for (const name of listIfThere(paths.configMetadata)) {
    const file = join(paths.configMetadata, name, "parent");
    if (readTextIfThere(file) === parent) rmSync(file, { force: true });
  }
}
