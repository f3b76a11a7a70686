/** What the tests of this folder share: images in memory, a registry filled with them, a clock that does not wait. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { fromBytes, type ImageView, type LayerView } from "../bytes/index.ts";
import { Failure, type FailureKind } from "../errors.ts";
import {
  digestOf,
  mediaTypes,
  type BlobDigest,
  type Descriptor,
  type DiffId,
  type ImageId,
} from "../oci/index.ts";
import type { RunningRegistry } from "../registry/index.ts";
import { createRemote, type Clock, type Remote, type RemoteOptions } from "./index.ts";

export const signal = new AbortController().signal;

/** Sleeps not at all, but knows how long it was asked to, and lets time pass accordingly. */
export class FakeClock implements Clock {
  readonly sleeps: number[] = [];
  time = Date.UTC(2026, 0, 1);

  now(): number {
    return this.time;
  }

  async sleep(milliseconds: number, wake: AbortSignal): Promise<void> {
    wake.throwIfAborted();
    this.sleeps.push(milliseconds);
    this.time += milliseconds;
  }
}

/** A remote that reads nothing of this machine's settings. */
export function testRemote(options: RemoteOptions = {}): Remote {
  const nowhere = "/nonexistent-varve-test";
  return createRemote({
    dockerConfigPath: `${nowhere}/config.json`,
    daemonJsonPath: `${nowhere}/daemon.json`,
    certsDirectory: `${nowhere}/certs.d`,
    environment: {},
    clock: new FakeClock(),
    ...options,
  });
}

export interface TestImage extends ImageView {
  readonly config: Uint8Array;
  readonly blobs: readonly Uint8Array[];
  readonly manifest: { readonly bytes: Uint8Array; readonly descriptor: Descriptor };
}

/** An image whose layers are these bytes, gzipped; `architecture` makes it another one. */
export function testImage(layers: readonly (Uint8Array | string)[], architecture = "amd64"): TestImage {
  const tars = layers.map((layer) => Buffer.from(layer as Uint8Array));
  const blobs = tars.map((tar) => gzipSync(tar, { level: 1 }));
  const diffIds = tars.map((tar) => digestOf(tar) as DiffId);
  const config = Buffer.from(
    JSON.stringify({ architecture, os: "linux", rootfs: { type: "layers", diff_ids: diffIds } }),
  );
  const configDescriptor = describe(config, mediaTypes.ociConfig);
  const descriptors = blobs.map((blob) => describe(blob, mediaTypes.ociLayerGzip));
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: configDescriptor,
      layers: descriptors,
      annotations: { kept: "yes" },
    }),
  );
  return {
    config,
    blobs,
    imageId: configDescriptor.digest as ImageId,
    configDescriptor,
    layers: blobs.map((blob, i) => memoryLayer(blob, descriptors[i] as Descriptor, diffIds[i] as DiffId)),
    manifest: { bytes: manifest, descriptor: describe(manifest, mediaTypes.ociManifest) },
    readConfig: async () => config,
  };
}

/** The same image as a place shows it that keeps no manifests. */
export function withoutManifest(image: TestImage): ImageView {
  const { imageId, configDescriptor, layers, readConfig } = image;
  return { imageId, configDescriptor, layers, readConfig };
}

export function describe(bytes: Uint8Array, mediaType: string): Descriptor {
  return { mediaType, digest: digestOf(bytes) as BlobDigest, size: bytes.length };
}

/** In chunks of 1000 bytes, so that there is something to break. */
function memoryLayer(bytes: Uint8Array, blob: Descriptor, diffId: DiffId): LayerView {
  const chunks = (offset: number) =>
    Array.from({ length: Math.ceil((bytes.length - offset) / 1000) }, (_, i) =>
      bytes.subarray(offset + i * 1000, offset + i * 1000 + 1000),
    );
  return {
    diffId,
    blob,
    openBlob: async ({ offset = 0 }) => fromBytes(...chunks(offset)),
    openTar: () => Promise.reject(new Error("not needed by a push")),
  };
}

export interface SeedOptions {
  readonly tag?: string;
  readonly headers?: Record<string, string>;
}

/** Puts the image into a registry with plain requests, so that pulling is tested without our own push. */
export async function seed(
  registry: RunningRegistry,
  name: string,
  image: TestImage,
  options: SeedOptions = {},
) {
  for (const bytes of [...image.blobs, image.config]) await seedBlob(registry, name, bytes);
  await seedManifest(registry, name, options.tag ?? "1", image.manifest.bytes);
  registry.requests.length = 0;
}

export async function seedBlob({ address }: RunningRegistry, name: string, bytes: Uint8Array): Promise<void> {
  const url = `http://${address}/v2/${name}/blobs/uploads/?digest=${digestOf(bytes)}`;
  const answer = await fetch(url, { method: "POST", body: Buffer.from(bytes) });
  assert.equal(answer.status, 201, await answer.text());
}

export async function seedManifest(
  { address }: RunningRegistry,
  name: string,
  tag: string,
  bytes: Uint8Array,
) {
  const url = `http://${address}/v2/${name}/manifests/${tag}`;
  const answer = await fetch(url, { method: "PUT", body: Buffer.from(bytes) });
  assert.equal(answer.status, 201, await answer.text());
}

/** `GET /v2/` and so on; digests shortened to the names given in `names`. */
export function log({ requests }: RunningRegistry, names: Readonly<Record<string, string>> = {}): string[] {
  return requests.map(({ method, path }) => {
    let text = `${method} ${path.replace(/uploads\/[0-9a-f-]{36}$/, "uploads/ID")}`;
    for (const [digest, name] of Object.entries(names)) text = text.replace(digest, name);
    return text;
  });
}

/** For `assert.rejects`: a failure of this kind with this message, whole or matching. */
export function failure(kind: FailureKind, message: string | RegExp): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof Failure, `not a Failure: ${String(error)}`);
    if (typeof message === "string") assert.equal(error.message, message);
    else assert.match(error.message, message);
    assert.equal(error.kind, kind);
    return true;
  };
}

/** Bytes that gzip cannot make smaller. */
export function noise(length: number, seedNumber = 1): Uint8Array {
  const bytes = Buffer.alloc(length);
  let state = seedNumber;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = state >>> 16;
  }
  return bytes;
}

export async function bytesOf(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(source));
}

/** A proxy that leads everything to one address, and notes what it was asked. */
export async function serveProxy(target: string) {
  const asked: string[] = [];
  const [host, port] = target.split(":") as [string, string];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers["proxy-authorization"] ?? ""}`.trim());
    response.writeHead(502).end();
  });
  server.on("connect", (request, socket) => {
    asked.push(`CONNECT ${request.url} ${request.headers["proxy-authorization"] ?? ""}`.trim());
    const upstream = connect(Number(port), host, () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      socket.pipe(upstream).pipe(socket);
    });
    for (const end of [socket, upstream]) end.on("error", () => [socket, upstream].map((s) => s.destroy()));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { asked, port: (server.address() as AddressInfo).port, [Symbol.asyncDispose]: close };
}
