/** fsck: whether what the store says of itself is true. */
import { existsSync } from "node:fs";
import { digestThrough, fromFile, throwIfCancelled } from "../bytes/index.ts";
import { Failure, isFailure } from "../errors.ts";
import { isTarTarget, keptTars, readCatalog } from "../layer/index.ts";
import { algorithmOf, chainIds, type ChainId, type ImageId } from "../oci/index.ts";
import { driverContent, driverFolder } from "./driver_folder.ts";
import { openLayerDb } from "./layer_db.ts";
import { storePaths } from "./paths.ts";
import type { Store, StoredLayer } from "./types.ts";

export interface CheckOptions {
  /** Reads every byte: layers are rebuilt and hashed against their diff IDs, cached blobs against their digests. */
  readonly deep?: boolean;
  readonly signal?: AbortSignal;
}

export interface Problem {
  /** What is wrong is a fact about this: `image sha256:...`, `layer sha256:...`, `name x:y`, `container ...`. */
  readonly subject: string;
  /** What was found, and what was expected. */
  readonly message: string;
  /** What to do about it. */
  readonly hint: string;
  /** The layer whose bytes are not what they were. */
  readonly layer?: ChainId;
}

/** Collects problems, and turns the failure of a look into one. */
class Findings {
  readonly problems: Problem[] = [];

  add(subject: string, message: string, hint: string): void {
    this.problems.push({ subject, message, hint });
  }

  /** What `look` returns; a Failure is a problem, of `layer` if that is given, and gives undefined. */
  async look<T>(
    subject: string,
    hint: string,
    look: () => Promise<T>,
    layer?: ChainId,
  ): Promise<T | undefined> {
    try {
      return await look();
    } catch (error) {
      if (!isFailure(error) || error.kind === "cancelled") throw error;
      this.problems.push({ subject, message: error.message, hint, ...(layer !== undefined && { layer }) });
      return undefined;
    }
  }
}

const pullAgain = "remove the image and pull it again";
const repair = `\`varve system check --deep --repair\` fetches it again; or ${pullAgain}`;
const collect = "`varve system prune` removes it";

/** Looks at every image, layer, name and container, changes nothing, and returns what is wrong; empty is good. */
export async function checkStore(store: Store, options: CheckOptions = {}): Promise<Problem[]> {
  const findings = new Findings();
  const layers = await checkLayers(store, findings, options);
  const images = await checkImages(store, findings, layers);
  await checkNames(store, findings, images);
  await checkContainers(store, findings, layers);
  await checkDirectories(store, findings, layers);
  if (options.deep === true) await checkBlobs(store, findings, options);
  return findings.problems;
}

async function checkLayers(
  store: Store,
  findings: Findings,
  options: CheckOptions,
): Promise<Map<ChainId, StoredLayer>> {
  const layers = new Map<ChainId, StoredLayer>();
  // Without an index: what is asked is what the entries say now.
  const entries = openLayerDb(storePaths(store.root, store.driver.name), store.driver);
  for (const chain of await entries.list()) {
    throwIfCancelled(options.signal);
    const subject = `layer ${chain}`;
    const layer = await findings.look(subject, pullAgain, () => entries.get(chain));
    if (layer === undefined) continue;
    layers.set(chain, layer);
    const content = driverContent(store.driver, layer.cacheId);
    const folder = driverFolder(store, layer.cacheId);
    if (!existsSync(content)) {
      if (isTarTarget(store.driver.target(layer.cacheId)) && existsSync(folder))
        findings.problems.push({
          subject,
          message: `its tar ${content} is missing`,
          hint: repair,
          layer: chain,
        });
      else findings.add(subject, `its directory ${folder} is missing`, pullAgain);
    } else if (options.deep === true) {
      await findings.look(subject, repair, () => readLayer(store, layer, options.signal), chain);
    } else await findings.look(subject, repair, () => findParts(store, layer), chain);
  }
  for (const { chainId, parent } of layers.values()) {
    if (parent !== undefined && !layers.has(parent)) {
      findings.add(`layer ${chainId}`, `the layer below it, ${parent}, is missing`, pullAgain);
    }
  }
  return layers;
}

/** `openTar` ends with a failure if the bytes do not hash to the diff ID. */
async function readLayer(store: Store, layer: StoredLayer, signal = new AbortController().signal) {
  for await (const chunk of await store.layers.openTar(layer.chainId, { signal })) void chunk;
  const target = store.driver.target(layer.cacheId);
  if (isTarTarget(target)) readCatalog(target);
}

/** What the layer has in other layers' tars must be there. */
async function findParts(store: Store, layer: StoredLayer): Promise<void> {
  const target = store.driver.target(layer.cacheId);
  const missing = isTarTarget(target) && keptTars([target]).tars.find((tar) => !existsSync(tar));
  if (typeof missing === "string") throw new Failure("corrupt", `its part ${missing} is missing`);
}

async function checkImages(
  store: Store,
  findings: Findings,
  layers: ReadonlyMap<ChainId, StoredLayer>,
): Promise<Set<ImageId>> {
  const images = new Set<ImageId>();
  for (const id of await store.images.list()) {
    const subject = `image ${id}`;
    const image = await findings.look(subject, pullAgain, () => store.images.get(id));
    if (image === undefined) continue;
    images.add(id);
    const missing = chainIds(image.config.rootfs.diff_ids ?? []).find((chain) => !layers.has(chain));
    if (missing !== undefined) findings.add(subject, `its layer ${missing} is missing`, pullAgain);
  }
  return images;
}

async function checkNames(store: Store, findings: Findings, images: ReadonlySet<ImageId>): Promise<void> {
  for (const [name, id] of await store.names.all()) {
    if (!images.has(id)) findings.add(`name ${name}`, `its image ${id} is missing`, "remove the name");
  }
}

async function checkContainers(
  store: Store,
  findings: Findings,
  layers: ReadonlyMap<ChainId, StoredLayer>,
): Promise<void> {
  for (const id of await store.containers.list()) {
    const subject = `container ${id}`;
    const container = await findings.look(subject, "remove the container", () => store.containers.get(id));
    if (container === undefined) continue;
    const { mountId, initId, parent } = container;
    for (const directory of [mountId, initId]) {
      if (!existsSync(driverContent(store.driver, directory))) {
        findings.add(
          subject,
          `its directory ${driverFolder(store, directory)} is missing`,
          "remove the container",
        );
      }
    }
    if (parent !== undefined && !layers.has(parent)) {
      findings.add(subject, `the layer below it, ${parent}, is missing`, "remove the container");
    }
    for (const top of container.mountedTops ?? []) {
      if (layers.has(top)) continue;
      findings.add(subject, `the layer ${top} of an image mounted in it is missing`, "remove the container");
    }
  }
}

/** Garbage is no damage, but it is not nothing either. */
async function checkDirectories(
  store: Store,
  findings: Findings,
  layers: ReadonlyMap<ChainId, StoredLayer>,
): Promise<void> {
  const known = new Set([...layers.values()].map((layer) => layer.cacheId));
  for (const id of await store.containers.list()) {
    const container = await store.containers.get(id);
    if (container !== undefined) known.add(container.mountId).add(container.initId);
  }
  for (const id of await store.driver.list()) {
    if (!known.has(id)) findings.add(`directory ${driverFolder(store, id)}`, "nothing refers to it", collect);
  }
}

async function checkBlobs(store: Store, findings: Findings, { signal }: CheckOptions): Promise<void> {
  for (const { digest, partial } of await store.blobs.list()) {
    const path = partial ? undefined : await store.blobs.get(digest);
    if (path === undefined) continue;
    const bytes = digestThrough(fromFile(path, signal === undefined ? {} : { signal }), {
      algorithm: algorithmOf(digest),
    });
    for await (const chunk of bytes) void chunk;
    if (bytes.digest() !== digest) {
      findings.add(`blob ${digest}`, `its bytes hash to ${bytes.digest()}`, `remove the file ${path}`);
    }
  }
}
