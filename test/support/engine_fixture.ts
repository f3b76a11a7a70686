/** An engine on a root of its own, and quick ways to images and containers in it, for tests. */
import { openEngine, type ContainerRecord, type Engine } from "../../src/engine/index.ts";
import { deriveImage } from "../../src/image/index.ts";
import { parseReference, type ContainerConfig, type ImageConfig } from "../../src/oci/index.ts";
import type { StoredImage } from "../../src/store/index.ts";
import { sampleLayer } from "../fixtures/sample_image.ts";
import { scratch } from "../suites/scratch.ts";

export const { signal } = new AbortController();

export interface EngineFixture extends Disposable {
  readonly engine: Engine;
  /** The data root; nothing else is in it. */
  readonly root: string;
}

/** Opens an engine on an empty root. The driver `vfs` needs no privilege. */
export async function engineFixture(driver: "vfs" | "overlay2" | "erofs" = "vfs"): Promise<EngineFixture> {
  const directory = scratch("engine");
  try {
    const engine = await openEngine({ root: directory.path, driver });
    return { engine, root: directory.path, [Symbol.dispose]: () => directory[Symbol.dispose]() };
  } catch (error) {
    directory[Symbol.dispose]();
    throw error;
  }
}

export interface MadeImage {
  /** `repository:tag`s that it gets. */
  readonly names?: readonly string[];
  /** Default: no layer. A path that ends in a slash is a directory. */
  readonly files?: Readonly<Record<string, string>>;
  readonly base?: StoredImage;
  /** Whether the base is written down as its parent, as `commit` and `build` do (default true). */
  readonly recordParent?: boolean;
  /** RFC 3339. */
  readonly created?: string;
  readonly createdBy?: string;
  readonly comment?: string;
  readonly config?: ContainerConfig;
  readonly edit?: (config: ImageConfig) => void;
}

/** Makes an image as the parts say: on nothing or on `base`, with one layer more or none. */
export async function makeImage({ engine }: EngineFixture, parts: MadeImage): Promise<StoredImage> {
  const { created = "2026-01-01T00:00:00Z", files, base, createdBy, comment } = parts;
  const image = await deriveImage(engine.store, {
    ...(base !== undefined && { base }),
    ...(files !== undefined && { tar: once((await sampleLayer(files)).tar) }),
    history: {
      created,
      ...(createdBy !== undefined && { created_by: createdBy }),
      ...(comment !== undefined && { comment }),
    },
    edit: (config) => {
      config.created = created;
      config.architecture = "amd64";
      if (parts.config !== undefined) config.config = parts.config;
      parts.edit?.(config);
    },
    recordParent: parts.recordParent ?? true,
    signal,
  });
  // Not by tagging, which is an event.
  for (const name of parts.names ?? []) {
    await engine.store.names.set(named(name), image.id);
    await engine.store.images.markUpdated(image.id);
  }
  return (await engine.store.images.get(image.id)) as StoredImage;
}

export interface MadeContainer {
  readonly name?: string;
  readonly imageName?: string;
  readonly config?: ContainerConfig;
  readonly hostConfig?: Parameters<Engine["containers"]["create"]>[0]["hostConfig"];
}

/** Creates a container; its command is `sh` unless `config` or the image say something else. */
export function makeContainer(
  { engine }: EngineFixture,
  image: StoredImage,
  parts: MadeContainer = {},
): Promise<ContainerRecord> {
  return engine.containers.create({
    imageName: parts.imageName ?? image.id,
    image,
    ...(parts.name !== undefined && { name: parts.name }),
    config: { Cmd: ["sh"], ...parts.config },
    hostConfig: parts.hostConfig ?? {},
  });
}

/** A source of one chunk. */
export async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

/** A parsed name. */
export const named = parseReference;
