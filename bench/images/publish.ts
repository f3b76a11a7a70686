/** Brings an image into the registry. */
import { createHash } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { compressGzip, toFile } from "../../src/bytes/index.ts";
import { digestOf, type Digest, mediaTypes } from "../../src/oci/index.ts";
import { packTar } from "../../src/tar/index.ts";
import type { ImageRecipe, LayerRecipe } from "./recipe.ts";

/** @returns the name that the engines pull */
export async function publish(registry: string, recipe: ImageRecipe, work: string): Promise<string> {
  const repository = `http://${registry}/v2/bench/${recipe.name}`;
  const manifestUrl = `${repository}/manifests/${recipe.key}`;
  const name = `${registry}/bench/${recipe.name}:${recipe.key}`;
  const { ok } = await fetch(manifestUrl, { method: "HEAD", headers: { Accept: mediaTypes.dockerManifest } });
  if (ok) return name;
  const layers = [];
  const diffIds: Digest[] = [];
  for (const layer of recipe.layers) {
    const made = await makeLayer(layer, join(work, "layer.tar.gz"));
    await upload(
      repository,
      made.digest,
      Readable.toWeb(createReadStream(made.file)) as ReadableStream,
      made.size,
    );
    diffIds.push(made.diffId);
    layers.push({ mediaType: mediaTypes.dockerLayerGzip, digest: made.digest, size: made.size });
  }
  const config = Buffer.from(JSON.stringify(configOf(diffIds)));
  const configDigest = digestOf(config);
  await upload(repository, configDigest, config, config.length);
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.dockerManifest,
    config: { mediaType: mediaTypes.dockerConfig, digest: configDigest, size: config.length },
    layers,
  };
  const headers = { "Content-Type": mediaTypes.dockerManifest };
  await expect(await fetch(manifestUrl, { method: "PUT", headers, body: JSON.stringify(manifest) }));
  return name;
}

async function makeLayer(layer: LayerRecipe, file: string) {
  const [plain, compressed] = [createHash("sha256"), createHash("sha256")];
  const tar = through(packTar(layer()), (chunk) => plain.update(chunk));
  await toFile(
    through(compressGzip(tar), (chunk) => compressed.update(chunk)),
    file,
    { flags: "w" },
  );
  return {
    file,
    size: statSync(file).size,
    diffId: `sha256:${plain.digest("hex")}` as Digest,
    digest: `sha256:${compressed.digest("hex")}` as Digest,
  };
}

async function* through(
  source: AsyncIterable<Uint8Array>,
  look: (chunk: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    look(chunk);
    yield chunk;
  }
}

function configOf(diffIds: readonly Digest[]) {
  const created = "2026-01-01T00:00:00Z";
  return {
    architecture: process.arch === "x64" ? "amd64" : process.arch,
    os: "linux",
    created,
    config: { Cmd: ["/bin/sh"] },
    rootfs: { type: "layers", diff_ids: diffIds },
    history: diffIds.map((_, index) => ({ created, created_by: `step ${index}` })),
  };
}

/** Starts an upload and completes it with one body (distribution spec, "Pushing a blob monolithically"). */
async function upload(
  repository: string,
  digest: Digest,
  body: RequestInit["body"],
  size: number,
): Promise<void> {
  const begun = await expect(await fetch(`${repository}/blobs/uploads/`, { method: "POST" }));
  const url = new URL(begun.headers.get("location") ?? "", repository);
  url.searchParams.set("digest", digest);
  const headers = { "Content-Type": "application/octet-stream", "Content-Length": String(size) };
  await expect(await fetch(url, { method: "PUT", headers, body, duplex: "half" } as RequestInit));
}

/** The answer, if it is a success. @throws Error with what it says */
export async function expect(response: Response): Promise<Response> {
  if (response.ok) return response;
  throw new Error(`${response.url} answered ${response.status}: ${await response.text()}`);
}
