/** Several instances on one object store: no state of a request is anywhere but in the store. */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, test } from "node:test";
import { azureFake } from "../../../test/support/azure_fake.ts";
import { gcsFake } from "../../../test/support/gcs_fake.ts";
import { unlessAll } from "../../../test/suites/scratch.ts";
import { s3Fake } from "../../../test/support/s3_fake.ts";
import type { StorageConfig } from "./open_storage.ts";

const program = join(import.meta.dirname, "../../../test/fixtures/registry_instance.ts");
const digestOf = (content: Uint8Array) => `sha256:${createHash("sha256").update(content).digest("hex")}`;

interface Instances extends AsyncDisposable {
  /** The next one's origin, in turn. */
  next(): string;
}

async function startInstances(config: StorageConfig, count: number): Promise<Instances> {
  const children: ChildProcess[] = [];
  const origins: string[] = [];
  for (let index = 0; index < count; index++) {
    const child = spawn(process.execPath, [program, JSON.stringify(config)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    const [port] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
    origins.push(`http://127.0.0.1:${port}`);
  }
  let turn = 0;
  return {
    next: () => origins[turn++ % count] as string,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(children.map(async (child) => (child.kill(), once(child, "exit"))));
    },
  };
}

/** Pushes a blob in three chunks and an image of it, each request to another instance, and pulls it from all. */
async function pushAndPull(config: StorageConfig): Promise<void> {
  await using instances = await startInstances(config, 3);
  const send = async (
    method: string,
    path: string,
    body?: Uint8Array<ArrayBuffer> | string,
    type = "application/octet-stream",
  ) => {
    const headers = body === undefined ? {} : { "Content-Type": type };
    const init = { method, headers, ...(body === undefined ? {} : { body }) };
    const response = await fetch(new URL(path, instances.next()), init);
    const bytes = Buffer.from(await response.arrayBuffer());
    return { status: response.status, headers: response.headers, bytes };
  };
  const push = async (content: Buffer<ArrayBuffer>, cuts: number[]) => {
    const begun = await send("POST", "/v2/team/app/blobs/uploads/");
    assert.equal(begun.status, 202);
    let path = new URL(begun.headers.get("location") as string, "http://x").pathname;
    for (const [index, start] of cuts.entries()) {
      const answer = await send("PATCH", path, content.subarray(start, cuts[index + 1]));
      assert.equal(answer.status, 202);
      assert.equal(answer.headers.get("range"), `0-${(cuts[index + 1] ?? content.length) - 1}`);
      const where = new URL(answer.headers.get("location") as string, "http://x");
      path = where.pathname + where.search;
    }
    const digest = digestOf(content);
    const done = await send(
      "PUT",
      `${path}${path.includes("?") ? "&" : "?"}digest=${encodeURIComponent(digest)}`,
    );
    assert.deepEqual([done.status, done.bytes.toString()], [201, ""]);
    return { digest, size: content.length };
  };
  const layer = randomBytes(7_000_000);
  const pushed = await push(layer, [0, 5, 6_000_000]);
  const configuration = await push(Buffer.from('{"architecture":"amd64","os":"linux"}'), [0]);
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType,
    config: { mediaType: "application/vnd.oci.image.config.v1+json", ...configuration },
    layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", ...pushed }],
  });
  assert.equal((await send("PUT", "/v2/team/app/manifests/1", manifest, mediaType)).status, 201);
  for (let instance = 0; instance < 3; instance++) {
    assert.equal((await send("GET", "/v2/team/app/manifests/1")).bytes.toString(), manifest);
    assert.ok((await send("GET", `/v2/team/app/blobs/${pushed.digest}`)).bytes.equals(layer));
    assert.equal(
      (await send("GET", "/v2/team/app/tags/list")).bytes.toString(),
      '{"name":"team/app","tags":["1"]}\n',
    );
  }
}

describe("three processes behind a round robin, an upload begun on one goes on at the next", () => {
  test("B173 on s3 (protocol fake)", async () => {
    const account = { region: "us-east-1", bucket: "images" };
    await using fake = await s3Fake({ vendor: "s3", ...account, accessKey: "key", secretKey: "secret" });
    const keys = { accesskey: "key", secretkey: "secret", chunksize: 5 << 20 };
    await pushAndPull({ name: "s3", parameters: { ...account, ...keys, regionendpoint: fake.origin } });
  });

  test("B173 on azure (protocol fake)", { skip: unlessAll }, async () => {
    const account = { account: "images", key: "a2V5", container: "registry" };
    await using fake = await azureFake(account);
    const keys = { accountname: "images", accountkey: "a2V5", container: "registry" };
    await pushAndPull({ name: "azure", parameters: { ...keys, serviceurl: `${fake.origin}/images` } });
  });

  test("B173 on gcs (protocol fake)", { skip: unlessAll }, async () => {
    await using fake = await gcsFake({ bucket: "images" });
    const parameters = { bucket: "images", endpoint: fake.origin, credentials: fake.key(fake.origin) };
    await pushAndPull({ name: "gcs", parameters });
  });
});
