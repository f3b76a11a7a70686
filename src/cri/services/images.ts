/** The image service, on the store of the engine. */
import type { Credentials, Daemon, ImageSummary } from "../../engine/index.ts";
import { Failure, isFailure } from "../../errors.ts";
import { formatReference, parseReference } from "../../oci/index.ts";
import type { GrpcCall, Read, Write } from "../../rpc/index.ts";
import type * as protocol from "../protocol/index.ts";
import { now } from "./moments.ts";
import type { WritableSizes } from "./writable_sizes.ts";

type Image = Write<typeof protocol.Image>;
type Spec = Read<typeof protocol.ImageSpec> | undefined;

export class ImageService {
  readonly #daemon: Daemon;
  readonly #sizes: WritableSizes;
  /** Of layers, which never change, by their directories. */
  readonly #inodes = new Map<string, Promise<number>>();

  constructor(daemon: Daemon, sizes: WritableSizes) {
    this.#daemon = daemon;
    this.#sizes = sizes;
  }

  async list(
    request: Read<typeof protocol.ListImagesRequest>,
  ): Promise<Write<typeof protocol.ListImagesResponse>> {
    const wanted = request.filter?.image?.image ?? "";
    const id = wanted === "" ? undefined : await this.#idOf(wanted);
    const all = await this.#daemon.engine.images.list();
    const shown = all.filter((image) => wanted === "" || image.id === id);
    return { images: shown.map(imageOf) };
  }

  /** An image that there is not is an answer without one. */
  async status(
    request: Read<typeof protocol.ImageStatusRequest>,
  ): Promise<Write<typeof protocol.ImageStatusResponse>> {
    const id = await this.#idOf(nameIn(request.image));
    if (id === undefined) return {};
    const found = await unlessGone(this.#daemon.engine.images.inspect(id));
    if (found === undefined) return {};
    const { Id, RepoTags, RepoDigests, Size, Config } = found;
    return {
      image: {
        ...imageOf({ id: Id, repoTags: RepoTags, repoDigests: RepoDigests, size: Size }),
        ...userOf(Config?.User ?? ""),
        spec: { image: Id },
      },
      ...(request.verbose && { info: { info: JSON.stringify({ imageSpec: { config: Config } }) } }),
    };
  }

  async pull(
    request: Read<typeof protocol.PullImageRequest>,
    { signal }: GrpcCall,
  ): Promise<Write<typeof protocol.PullImageResponse>> {
    const name = nameIn(request.image);
    const credentials = credentialsOf(request.auth);
    const { domain } = parseReference(name);
    // Those of one image are for its registry, and no other.
    const lookup = async (asked: string): Promise<Credentials | undefined> =>
      asked === domain ? credentials : undefined;
    const { images } = await this.#daemon.engine.withCredentials(lookup);
    const { imageId } = await images.pull(name, { signal });
    return { imageRef: imageId };
  }

  /** With all its names. One that there is not is no failure. */
  async remove(request: Read<typeof protocol.RemoveImageRequest>): Promise<void> {
    const id = await this.#idOf(nameIn(request.image));
    if (id !== undefined) await unlessGone(this.#daemon.engine.images.remove(id, { force: true }));
  }

  /**
   * By what is on record of layers: kubelet asks every ten seconds, and measuring walks through all files. Inodes are on
   * no record, and are counted once.
   */
  async fileSystems(): Promise<Write<typeof protocol.ImageFsInfoResponse>> {
    const { engine } = this.#daemon;
    const { layers, layersSize } = await engine.system.ledger();
    const containers = await engine.containers.overview({ all: true });
    const sizes = await Promise.all(containers.map(({ record }) => this.#sizes.of(record.ID)));
    const sum = (of: "bytes" | "inodes"): number => sizes.reduce((total, size) => total + size[of], 0);
    const place = { timestamp: now(), filesystem: { mountpoint: engine.store.root } };
    return {
      imageFilesystems: [{ ...place, usedBytes: layersSize, inodesUsed: await this.#inodesOf(layers) }],
      containerFilesystems: [{ ...place, usedBytes: sum("bytes"), inodesUsed: sum("inodes") }],
    };
  }

  async #inodesOf(layers: readonly { readonly cacheId: string }[]): Promise<number> {
    const { system } = this.#daemon.engine;
    const there = new Set(layers.map(({ cacheId }) => cacheId));
    for (const id of this.#inodes.keys()) if (!there.has(id)) this.#inodes.delete(id);
    for (const layer of layers) {
      if (this.#inodes.has(layer.cacheId)) continue;
      const count = system.layerInodes(layer);
      this.#inodes.set(layer.cacheId, count);
      count.catch(() => this.#inodes.delete(layer.cacheId));
    }
    const counts = await Promise.all(this.#inodes.values());
    return counts.reduce((total, count) => total + count, 0);
  }

  async #idOf(name: string): Promise<string | undefined> {
    return (await unlessGone(this.#daemon.engine.images.resolve(name)))?.id;
  }
}

/** Undefined where there is no such thing, or none any more. */
export async function unlessGone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isFailure(error, "not-found")) return undefined;
    throw error;
  }
}

function nameIn(spec: Spec): string {
  if (spec === undefined || spec.image === "") throw new Failure("invalid", "the request names no image");
  return spec.image;
}

/** Kubernetes wants names with their registry. */
export const fullName = (name: string): string => formatReference(parseReference(name));

function imageOf(image: Pick<ImageSummary, "id" | "repoTags" | "repoDigests" | "size">): Image {
  return {
    id: image.id,
    repoTags: image.repoTags.map(fullName),
    repoDigests: image.repoDigests.map(fullName),
    size: image.size,
  };
}

/** kubelet refuses a container that must not be root by this. */
function userOf(text: string): Pick<Image, "uid" | "username"> {
  const [user = ""] = text.split(":", 1);
  return /^\d+$/.test(user) ? { uid: Number(user) } : { username: user };
}

function credentialsOf(auth: Read<typeof protocol.AuthConfig> | undefined): Credentials | undefined {
  if (auth === undefined) return undefined;
  const { username, password, identityToken, registryToken } = auth;
  if (registryToken !== "") return { kind: "registry", token: registryToken };
  if (identityToken !== "") return { kind: "identity", token: identityToken };
  if (username !== "" || password !== "") return { kind: "password", username, password };
  const basic = Buffer.from(auth.auth, "base64").toString("utf8");
  const colon = basic.indexOf(":");
  if (colon < 1) return undefined;
  return { kind: "password", username: basic.slice(0, colon), password: basic.slice(colon + 1) };
}
