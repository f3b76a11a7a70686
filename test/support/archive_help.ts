/** Image archives of all kinds, written by hand for tests. */
import { collect, fromBytes } from "../../src/bytes/index.ts";
import { openArchive, type OpenedArchive } from "../../src/archive/index.ts";
import { digestOf, mediaTypes, type Descriptor } from "../../src/oci/index.ts";
import { parseTar, tarFile, tarOf } from "./tar_help.ts";

export const { signal } = new AbortController();

/** Path in the archive to its content: text, bytes, a JSON value; `{ link }` for a symlink, `{ hard }` for a hard link. */
export type Members = Readonly<
  Record<
    string,
    string | Uint8Array | { readonly link: string } | { readonly hard: string } | { readonly json: unknown }
  >
>;

export function archiveOf(members: Members): Buffer {
  return tarOf(
    Object.entries(members).map(([path, content]) => {
      if (typeof content === "string" || content instanceof Uint8Array)
        return tarFile({ path }, Buffer.from(content));
      if ("link" in content) return tarFile({ path, type: "symlink", linkPath: content.link });
      if ("hard" in content) return tarFile({ path, type: "hardlink", linkPath: content.hard });
      return tarFile({ path }, Buffer.from(JSON.stringify(content.json)));
    }),
  );
}

export function opened(members: Members): Promise<OpenedArchive> {
  return openArchive(fromBytes(archiveOf(members)), { signal });
}

/** A layer of one file. */
export function layerTar(text: string): Buffer {
  return tarOf([tarFile({ path: text }, text)]);
}

export interface TestConfig {
  readonly bytes: Buffer;
  readonly id: string;
}

/** A config for these layers. */
export function configOf(layers: readonly Uint8Array[], extra: object = {}): TestConfig {
  const config = {
    architecture: "amd64",
    os: "linux",
    config: {},
    rootfs: { type: "layers", diff_ids: layers.map((layer) => digestOf(layer)) },
    history: layers.map(() => ({ created: "2026-01-02T03:04:05Z" })),
    ...extra,
  };
  const bytes = Buffer.from(JSON.stringify(config));
  return { bytes, id: digestOf(bytes) };
}

/** An OCI layout that grows blob by blob. */
export class Layout {
  readonly members: Record<string, Members[string]> = { "oci-layout": '{"imageLayoutVersion":"1.0.0"}' };

  add(bytes: Uint8Array | string, mediaType: string): Descriptor {
    const content = Buffer.from(bytes);
    const digest = digestOf(content);
    this.members[`blobs/${digest.replace(":", "/")}`] = content;
    return { mediaType, digest, size: content.length };
  }

  /** An image's manifest; each layer as [stored bytes, media type], with its tar. */
  image(config: TestConfig, blobs: readonly (readonly [Uint8Array, string])[]): Descriptor {
    return this.manifest({
      config: this.add(config.bytes, mediaTypes.ociConfig),
      layers: blobs.map(([bytes, type]) => this.add(bytes, type)),
    });
  }

  manifest(parts: object): Descriptor {
    const text = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, ...parts });
    return this.add(text, mediaTypes.ociManifest);
  }

  index(manifests: readonly object[]): Descriptor {
    const text = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests });
    return this.add(text, mediaTypes.ociIndex);
  }

  archive(manifests: readonly object[]): Members {
    return { ...this.members, "index.json": { json: { schemaVersion: 2, manifests } } };
  }
}

/** Every byte of a layer, by each of its two ways. */
export async function tarBytes(image: OpenedArchive["images"][number], index: number): Promise<Buffer> {
  const layer = image.view.layers[index];
  if (layer === undefined) throw new Error(`no layer ${index}`);
  return Buffer.from(await collect(await layer.openTar({ signal }), 1 << 30));
}

/** The members of a written archive in their order: what each is, and its content as text. */
export function membersOf(archive: Buffer): {
  readonly path: string;
  readonly text: string;
  readonly kind: string;
  readonly mtime: number;
  readonly mode: number;
}[] {
  return parseTar(archive).map(({ entry, body }) => ({
    path: entry.path,
    kind: entry.type === "symlink" ? `symlink ${entry.linkPath}` : entry.type,
    text: body.toString("latin1"),
    mtime: entry.mtime,
    mode: entry.mode,
  }));
}
