import assert from "node:assert/strict";
import { test } from "node:test";
import {
  manifestOf,
  pushBlob,
  pushSmallImage,
  putManifest,
  refusal,
} from "../../../test/suites/registry_requests.ts";
import { scratch } from "../../../test/suites/scratch.ts";
import { digestOf } from "../../oci/index.ts";
import { readConfig } from "./config/read_config.ts";
import { startServer } from "./start_server.ts";

async function serve(keys: Record<string, unknown>) {
  const overrides = { storage: "inmemory", http: { addr: "127.0.0.1:0" }, ...keys };
  const server = await startServer(await readConfig({ environment: {}, overrides }), () => {});
  const dispose = () => server.stop(AbortSignal.abort());
  return { origin: `http://${server.address}`, [Symbol.asyncDispose]: dispose };
}

test("B172 quotas of a configuration hold, and their use is shown to who may list the catalog", async () => {
  const limits = [
    { repositories: "**", per: "namespace", bytes: 1000 },
    { repositories: "team/**", bytes: 2000, tags: 9 },
  ];
  await using server = await serve({ quota: { limits } });
  const { origin } = server;
  await pushBlob(origin, "a/b", "x".repeat(900));
  const path = `/v2/a/c/blobs/uploads/?digest=${digestOf("y".repeat(101))}`;
  const refused = fetch(`${origin}${path}`, { method: "POST", body: "y".repeat(101) });
  assert.deepEqual(await refusal(refused), [403, "DENIED"]);
  const usage = await fetch(`${origin}/v2/_varve/usage`);
  assert.deepEqual(await usage.json(), {
    quotas: [
      {
        pool: "namespace a",
        bytes: { limit: 1000, used: 900, promised: 0 },
        tags: { used: 0, promised: 0 },
        repositories: ["a/b"],
      },
      {
        pool: "repositories team/**",
        bytes: { limit: 2000, used: 0, promised: 0 },
        tags: { limit: 9, used: 0, promised: 0 },
        repositories: [],
      },
    ],
  });
});

test("B172 the use of quotas is nobody else's business, and nowhere without quotas", async () => {
  const limits = [{ repositories: "**", bytes: 1000 }];
  const auth = { silly: { realm: "r", service: "s" } };
  await using server = await serve({ quota: { limits }, auth });
  assert.equal((await fetch(`${server.origin}/v2/_varve/usage`)).status, 401);
  const headers = { Authorization: "any" };
  assert.equal((await fetch(`${server.origin}/v2/_varve/usage`, { headers })).status, 200);
  await using without = await serve({});
  assert.equal((await fetch(`${without.origin}/v2/_varve/usage`)).status, 404);
});

test("B172 immutable tags of a configuration stay", async () => {
  const immutable = [{ repositories: ["release/*"], tags: ["v*"] }];
  await using server = await serve({ policy: { immutable } });
  await pushSmallImage(server.origin, "release/web", "v1");
  const other = manifestOf(digestOf("{}"), { artifactType: "a/b" });
  assert.deepEqual(await refusal(putManifest(server.origin, "release/web", "v1", other)), [403, "DENIED"]);
});

test("B172 a disk that is nearly full is shown by the page of readiness, which stays ready", async () => {
  using directory = scratch("guards");
  const storage = { filesystem: { rootdirectory: directory.path } };
  // More than any disk has.
  await using server = await serve({ storage, policy: { diskguard: { free: "8000TiB" } } });
  const ready = await fetch(`${server.origin}/readyz`);
  assert.equal(ready.status, 200);
  const { disk } = (await ready.json()) as { disk: string };
  assert.match(disk, /^the registry's disk is nearly full: .* free, 7.81 PiB must stay so$/);
  const upload = fetch(`${server.origin}/v2/a/blobs/uploads/`, { method: "POST" });
  assert.deepEqual(await refusal(upload), [403, "DENIED"]);
});
