/** What tests of the registry share: a server of our own and plain requests to it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { digestOf, mediaTypes, type Digest } from "../../src/oci/index.ts";
import { createRegistry, type RegistryOptions } from "../../src/registry/index.ts";

export interface ServedRegistry extends AsyncDisposable {
  /** `http://127.0.0.1:port` */
  readonly origin: string;
}

/** The registry as the product has it, on a free port. */
export async function serveOn(options: RegistryOptions): Promise<ServedRegistry> {
  const registry = createRegistry(options);
  const running = new Set<Promise<void>>();
  const server = createServer((incoming, response) => {
    const handled = registry.handle(incoming, response).finally(() => running.delete(handled));
    running.add(handled);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    // A client has its answer before the server has closed its files.
    await Promise.all(running);
  };
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: close };
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** A request whose path goes out as it is: no client's tidying of `..` in between. */
export async function rawRequest(
  origin: string,
  method: string,
  path: string,
  body = "",
): Promise<RawAnswer> {
  const { hostname, port } = new URL(origin);
  const sent = request({ hostname, port, method, path, agent: false });
  sent.end(body);
  const [response] = (await once(sent, "response")) as [import("node:http").IncomingMessage];
  return { status: response.statusCode ?? 0, headers: response.headers, body: await text(response) };
}

/** Status and error codes of an answer. */
export async function refusal(answer: Response | Promise<Response>): Promise<[number, ...string[]]> {
  const { status, ...rest } = { status: (await answer).status, body: await (await answer).text() };
  const { errors } = JSON.parse(rest.body) as { errors: { code: string }[] };
  return [status, ...errors.map(({ code }) => code)];
}

/** Uploads in one request, or in two where the registry wants that. */
export async function pushBlob(origin: string, name: string, bytes: Uint8Array | string): Promise<Digest> {
  const digest = digestOf(bytes);
  const body = Buffer.from(bytes);
  let answer = await fetch(`${origin}/v2/${name}/blobs/uploads/?digest=${digest}`, { method: "POST", body });
  if (answer.status === 202) {
    const headers = { "Content-Type": "application/octet-stream" };
    const url = `${answer.headers.get("location")}&digest=${digest}`;
    answer = await fetch(url, { method: "PUT", body, headers });
  }
  assert.equal(answer.status, 201, await answer.text());
  return digest;
}

export async function startUpload(origin: string, name: string): Promise<string> {
  const answer = await fetch(`${origin}/v2/${name}/blobs/uploads/`, { method: "POST" });
  assert.equal(answer.status, 202);
  return new URL(answer.headers.get("location") as string, origin).href;
}

export interface ManifestParts {
  readonly artifactType?: string;
  readonly subject?: Digest;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The bytes of an OCI image manifest without layers. */
export function manifestOf(config: Digest, parts: ManifestParts = {}): Buffer {
  const { subject, ...rest } = parts;
  const descriptor = (mediaType: string, digest: Digest) => ({ mediaType, digest, size: 2 });
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: descriptor(mediaTypes.ociConfig, config),
      layers: [],
      ...(subject && { subject: descriptor(mediaTypes.ociManifest, subject) }),
      ...rest,
    }),
  );
}

export async function putManifest(
  origin: string,
  name: string,
  key: string,
  bytes: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const type = { "Content-Type": mediaTypes.ociManifest };
  const body = Buffer.from(bytes);
  return fetch(`${origin}/v2/${name}/manifests/${key}`, {
    method: "PUT",
    body,
    headers: { ...type, ...headers },
  });
}

/** Pushes a small image; its annotations make it another one. */
export async function pushSmallImage(
  origin: string,
  name: string,
  tag: string,
  parts: ManifestParts = {},
): Promise<Digest> {
  const bytes = manifestOf(await pushBlob(origin, name, "{}"), parts);
  const answer = await putManifest(origin, name, tag, bytes);
  assert.equal(answer.status, 201, await answer.text());
  return digestOf(bytes);
}
