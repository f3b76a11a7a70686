/** What a quota says to those who push beyond it, as their own clients show it. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { digestOf, mediaTypes } from "../../src/oci/index.ts";
import { readConfig, startServer } from "../../src/registry/index.ts";
import { packTar } from "../../src/tar/index.ts";
import { pushBlob, putManifest } from "../suites/registry_requests.ts";
import { scratch } from "../suites/scratch.ts";
import { strangers } from "./registry_strangers.ts";

/** Pushes an image of one layer of some MB as `source:1`. */
async function pushSource(origin: string): Promise<void> {
  const owner = { mode: 0o644, uid: 0, gid: 0, uname: "", gname: "", devMajor: 0, devMinor: 0 };
  const body = randomBytes(3 << 20);
  const file = { path: "noise", type: "file" as const, linkPath: "", size: body.length };
  const entry = { ...file, ...owner, mtime: 1_700_000_000, mtimeNs: 0 };
  const tar = Buffer.concat(await Array.fromAsync(packTar([{ entry, body }])));
  const rootfs = { type: "layers", diff_ids: [digestOf(tar)] };
  const config = Buffer.from(
    JSON.stringify({ architecture: "amd64", os: "linux", config: { Cmd: ["/x"] }, rootfs }),
  );
  const push = async (bytes: Buffer, mediaType: string) => ({
    mediaType,
    digest: await pushBlob(origin, "source", bytes),
    size: bytes.length,
  });
  const document = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: await push(config, mediaTypes.ociConfig),
    layers: [await push(gzipSync(tar), mediaTypes.ociLayerGzip)],
  };
  const answer = await putManifest(origin, "source", "1", Buffer.from(JSON.stringify(document)));
  assert.equal(answer.status, 201);
}

/** What a client says of a push that must fail. */
async function refusedBy(pushed: Promise<unknown>): Promise<string> {
  try {
    await pushed;
  } catch (error) {
    return (error as { readonly stderr: string }).stderr;
  }
  return assert.fail("the push was taken");
}

test("B172 a push beyond the quota: each client shows the limit, and nothing is left of it", async (t) => {
  using directory = scratch("quota");
  const keys = {
    storage: { filesystem: { rootdirectory: join(directory.path, "data") } },
    http: { addr: "127.0.0.1:0" },
    quota: { limits: [{ repositories: "full/**", bytes: "1MiB" }] },
  };
  const lines: string[] = [];
  const config = await readConfig({ environment: {}, overrides: keys });
  const server = await startServer(config, (line) => void lines.push(line));
  await using running = new AsyncDisposableStack();
  running.defer(() => server.stop(AbortSignal.abort()));
  const origin = `http://${server.address}`;
  await pushSource(origin);
  const { address } = server;
  const place = { address, tls: false, user: undefined, within: [], [Symbol.asyncDispose]: async () => {} };
  for (const name of ["docker", "podman", "skopeo", "varve"] as const) {
    const { skip, roundTrip } = strangers[name];
    await t.test(name, { skip }, async () => {
      const own = join(directory.path, name);
      mkdirSync(own);
      const said = await refusedBy(roundTrip(place, own, `full/${name}`));
      assert.match(said, /denied: quota of repositories full\/\*\* exceeded: limit 1 MiB, used .*, wanted /);
      // Ours asks first. What an earlier one did may be told late.
      const isUpload = (line: string): boolean => /method=PATCH .*agent=varve/.test(line);
      if (name === "varve") assert.deepEqual(lines.filter(isUpload), []);
    });
  }
  const usage = (await (await fetch(`${origin}/v2/_varve/usage`)).json()) as {
    readonly quotas: readonly { readonly bytes: { readonly promised: number; readonly used: number } }[];
  };
  const [{ bytes } = { bytes: { promised: NaN, used: NaN } }] = usage.quotas;
  assert.equal(bytes.promised, 0);
  // At most some small blobs that went before the large one.
  assert.ok(bytes.used < 10_000, String(bytes.used));
});
