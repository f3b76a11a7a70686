/**
 * The registry as strangers use it: each pulls an image, pushes it under a name of its own, and it is the same. Each
 * client and each way of access once; all of one with all of the other with `VARVE_LIVE=all`.
 */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { digestOf, mediaTypes, type Descriptor, type Manifest } from "../../src/oci/index.ts";
import { filesystemStorage } from "../../src/registry/index.ts";
import { packTar } from "../../src/tar/index.ts";
import { pushBlob, putManifest, serveOn } from "../suites/registry_requests.ts";
import { scratch, unlessAll } from "../suites/scratch.ts";
import { strangers, type Stranger } from "./registry_strangers.ts";
import { islandSkip, ways, type Place, type Way } from "./registry_ways.ts";

async function tarOf(name: string): Promise<Buffer> {
  const owner = { mode: 0o644, uid: 0, gid: 0, uname: "", gname: "", devMajor: 0, devMinor: 0 };
  const times = { mtime: 1_700_000_000, mtimeNs: 0 };
  const body = Buffer.from(name.repeat(1000));
  const file = { path: `${name}.txt`, type: "file" as const, linkPath: "", size: body.length };
  return Buffer.concat(await Array.fromAsync(packTar([{ entry: { ...file, ...owner, ...times }, body }])));
}

/** Pushes an image of two layers as `source:1`; returns its manifest's bytes. */
async function pushSource(origin: string): Promise<Buffer> {
  const tars = await Promise.all(["one", "two"].map(tarOf));
  const rootfs = { type: "layers", diff_ids: tars.map((tar) => digestOf(tar)) };
  const config = Buffer.from(
    JSON.stringify({ architecture: "amd64", os: "linux", config: { Cmd: ["/x"] }, rootfs }),
  );
  const push = async (bytes: Buffer, mediaType: string): Promise<Descriptor> => ({
    mediaType,
    digest: await pushBlob(origin, "source", bytes),
    size: bytes.length,
  });
  const layers = [];
  for (const tar of tars) layers.push(await push(gzipSync(tar), mediaTypes.ociLayerGzip));
  const described = await push(config, mediaTypes.ociConfig);
  const document = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config: described, layers };
  const manifest = Buffer.from(JSON.stringify(document));
  assert.equal((await putManifest(origin, "source", "1", manifest)).status, 201);
  return manifest;
}

/** Asserts that what a client pushed is what it had pulled, as far as it keeps that. */
async function assertSame(
  origin: string,
  name: string,
  source: Buffer,
  keeps: Stranger["keeps"],
): Promise<void> {
  const expected = JSON.parse(source.toString()) as Manifest;
  const got = await fetch(`${origin}/v2/${name}/manifests/1`);
  assert.equal(got.status, 200);
  const bytes = Buffer.from(await got.arrayBuffer());
  if (keeps === "manifest") assert.deepEqual(bytes, source);
  const manifest = JSON.parse(bytes.toString()) as Manifest;
  assert.equal(manifest.config.digest, expected.config.digest);
  const digests = ({ layers }: Manifest) => layers.map(({ digest }) => digest);
  if (keeps !== "image") assert.deepEqual(digests(manifest), digests(expected));
  const blob = async (digest: string) =>
    Buffer.from(await (await fetch(`${origin}/v2/${name}/blobs/${digest}`)).arrayBuffer());
  const tars = await Promise.all(
    digests(manifest).map(async (digest) => digestOf(gunzipSync(await blob(digest)))),
  );
  const { rootfs } = JSON.parse((await blob(manifest.config.digest)).toString()) as {
    rootfs: { diff_ids: string[] };
  };
  assert.deepEqual(tars, rootfs.diff_ids);
}

/** Where each client is tried always. */
const usual: Readonly<Record<keyof typeof strangers, Way>> = {
  docker: "tls",
  podman: "plain",
  buildah: "htpasswd",
  skopeo: "tls",
  umoci: "plain",
  ctr: "tls",
  varve: "token",
};

test("images are the same after a round trip", async (t) => {
  using directory = scratch("clients");
  await using running = new AsyncDisposableStack();
  const data = join(directory.path, "data");
  // All of them serve this tree; this one is for the test itself.
  const { origin } = running.use(await serveOn({ storage: filesystemStorage(data) }));
  const source = await pushSource(origin);
  const places = new Map<Way, Place>();
  const placeOf = async (way: Way): Promise<Place> => {
    const known = places.get(way);
    if (known) return known;
    const own = join(directory.path, way);
    mkdirSync(own);
    const place = running.use(await ways[way](own, data));
    places.set(way, place);
    return place;
  };
  for (const way of Object.keys(ways) as Way[]) {
    for (const [name, { roundTrip, skip, keeps }] of Object.entries(strangers)) {
      const always = usual[name as keyof typeof strangers] === way;
      const reason = skip || (way === "tls" && islandSkip) || (!always && unlessAll);
      await t.test(`B162 B163 B164 ${name}, ${way}`, { skip: reason }, async () => {
        const place = await placeOf(way);
        const own = join(directory.path, `${name}-${way}`);
        mkdirSync(own);
        await roundTrip(place, own, `by/${name}/${way}`);
        await assertSame(origin, `by/${name}/${way}`, source, keeps);
      });
    }
  }
  for (const [name, { roundTrip, skip }] of Object.entries(strangers)) {
    const always = name === "skopeo" || name === "varve";
    const reason = skip || islandSkip || (!always && unlessAll);
    await t.test(
      `${name} where the certificate's authority is not known is refused`,
      { skip: reason },
      async () => {
        const place = await placeOf("tls");
        // In the same network, with the machine's own /etc.
        const within = place.within.filter((word) => word !== "--mount");
        const own = join(directory.path, `${name}-outside`);
        mkdirSync(own);
        const target = `outside/${name}`;
        await assert.rejects(roundTrip({ ...place, within }, own, target), /certificate|authority/);
        assert.equal((await fetch(`${origin}/v2/${target}/manifests/1`)).status, 404);
      },
    );
  }
});
