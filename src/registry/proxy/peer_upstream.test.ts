/** docker-registry 2.8 as the upstream, and as one that takes our place. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch } from "../../../test/suites/scratch.ts";
import { pushSmallImage, putManifest, manifestOf, refusal } from "../../../test/suites/registry_requests.ts";
import { peerRegistry, peerSkip } from "../access/tokens/peer_registry.test.ts";
import { digestOf } from "../../oci/index.ts";
import { mirrored } from "./proxy_fixture.test.ts";

const htpasswdSkip = spawnSync("htpasswd", ["-h"]).error === undefined ? false : "there is no htpasswd";

test(
  "docker-registry 2.8 is copied: manifests, blobs, tags; what it does not know is 404",
  { skip: peerSkip },
  async () => {
    using directory = scratch("proxy-peer");
    await using peer = await peerRegistry(directory.path, {});
    await using mirror = await mirrored({ settings: { url: peer.url } });
    const digest = await pushSmallImage(peer.url, "team/app", "v1");
    const base = `${mirror.origin}/v2/up/team/app`;
    for (const key of ["v1", digest, "v1"]) {
      const answer = await fetch(`${base}/manifests/${key}`);
      assert.equal(digestOf(Buffer.from(await answer.arrayBuffer())), digest, key);
    }
    assert.equal(await (await fetch(`${base}/blobs/${digestOf("{}")}`)).text(), "{}");
    assert.deepEqual(await (await fetch(`${base}/tags/list`)).json(), { name: "up/team/app", tags: ["v1"] });
    assert.deepEqual(await refusal(fetch(`${base}/manifests/v2`)), [404, "MANIFEST_UNKNOWN"]);
    assert.deepEqual(await refusal(fetch(`${base}/referrers/${digest}`)), [404, "NAME_UNKNOWN"]);
    const moved = manifestOf(digestOf("{}"), { annotations: { moved: "yes" } });
    assert.equal((await putManifest(peer.url, "team/app", "v1", moved)).status, 201);
    const answer = await fetch(`${base}/manifests/v1`, { method: "HEAD" });
    assert.equal(answer.headers.get("docker-content-digest"), digestOf(moved));
  },
);

test(
  "docker-registry 2.8 with htpasswd gets our credentials, and its no is told",
  { skip: peerSkip || htpasswdSkip },
  async () => {
    using directory = scratch("proxy-peer");
    const path = join(directory.path, "htpasswd");
    writeFileSync(path, spawnSync("htpasswd", ["-Bbn", "robot", "s3cret"], { encoding: "utf8" }).stdout);
    await using peer = await peerRegistry(directory.path, { htpasswd: { realm: "r", path } });
    for (const [password, expected] of [
      ["s3cret", [404, "NAME_UNKNOWN"]],
      ["wrong", [403, "DENIED"]],
    ] as const) {
      const credentials = { username: "robot", password };
      await using mirror = await mirrored({ settings: { url: peer.url, credentials } });
      assert.deepEqual(await refusal(fetch(`${mirror.origin}/v2/up/app/tags/list`)), [...expected]);
    }
  },
);
