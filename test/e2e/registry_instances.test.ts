/** Three `varve registry serve` on one object store, each request to another one: a stranger notices nothing. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { digestOf, mediaTypes, type Manifest } from "../../src/oci/index.ts";
import { roundRobin } from "../suites/round_robin.ts";
import { scratch } from "../suites/scratch.ts";
import { s3Fake } from "../support/s3_fake.ts";
import { serveVarve } from "./registry_ways.ts";
import { program, unless } from "./support.ts";

/** An OCI layout with one image of one layer of 6 MiB, more than one part of an S3 upload. Returns its manifest. */
function writeLayout(path: string): Buffer {
  const blobs = join(path, "blobs/sha256");
  mkdirSync(blobs, { recursive: true });
  const keep = (mediaType: string, content: Buffer) => {
    const digest = digestOf(content);
    writeFileSync(join(blobs, digest.slice(7)), content);
    return { mediaType, digest, size: content.length };
  };
  const bytes = randomBytes(6 << 20);
  // What is compressed already, skopeo leaves alone.
  const layer = keep(mediaTypes.ociLayerGzip, gzipSync(bytes, { level: 1 }));
  const rootfs = { type: "layers", diff_ids: [digestOf(bytes)] };
  const image = { architecture: "amd64", os: "linux", config: {}, rootfs };
  const config = keep(mediaTypes.ociConfig, Buffer.from(JSON.stringify(image)));
  const document: Manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [layer] };
  const manifest = Buffer.from(JSON.stringify(document));
  const annotations = { "org.opencontainers.image.ref.name": "1" };
  const manifests = [{ ...keep(mediaTypes.ociManifest, manifest), annotations }];
  writeFileSync(join(path, "index.json"), JSON.stringify({ schemaVersion: 2, manifests }));
  writeFileSync(join(path, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  return manifest;
}

test(
  "B173 skopeo pushes to and pulls from three instances behind a round robin, on s3 (protocol fake)",
  { skip: unless("skopeo") },
  async () => {
    using directory = scratch("instances");
    const at = (name: string): string => join(directory.path, name);
    const account = { region: "us-east-1", bucket: "images" };
    const keys = { accesskey: "key", secretkey: "secret", chunksize: 5 << 20 };
    await using fake = await s3Fake({ vendor: "s3", ...account, accessKey: "key", secretKey: "secret" });
    const s3 = { ...account, ...keys, regionendpoint: fake.origin };
    const storage = ["storage:", `  s3: ${JSON.stringify(s3)}`, "  delete: {enabled: true}"];
    await using stack = new AsyncDisposableStack();
    const start = async (name: string) => {
      mkdirSync(at(name));
      return stack.use(await serveVarve(at(name), storage));
    };
    const instances = await Promise.all(["one", "two", "three"].map(start));
    await using front = await roundRobin(instances.map(({ address }) => address));
    const manifest = writeLayout(at("layout"));
    const copy = (from: string, to: string) =>
      program("skopeo")("copy", "--src-tls-verify=false", "--dest-tls-verify=false", from, to);
    await copy(`oci:${at("layout")}:1`, `docker://${front.address}/team/app:1`);
    // Sessions began on one of them and ended on another.
    const uploads = front.log.filter(([line]) => line.includes("/blobs/uploads/"));
    assert.equal(new Set(uploads.map(([, turn]) => turn)).size, 3);
    await copy(`docker://${front.address}/team/app:1`, `oci:${at("back")}:1`);
    const { layers } = JSON.parse(manifest.toString()) as Manifest;
    for (const digest of [digestOf(manifest), layers[0]!.digest]) {
      const file = (layout: string) => readFileSync(join(at(layout), "blobs/sha256", digest.slice(7)));
      assert.ok(file("back").equals(file("layout")));
    }
    const base = `http://${front.address}/v2/team/app`;
    assert.equal((await fetch(`${base}/manifests/1`, { method: "DELETE" })).status, 202);
    for (const _ of instances) assert.equal((await fetch(`${base}/manifests/1`)).status, 404);
  },
);
