/** The cache as a configuration makes it, with its numbers and lines in the log. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { pushSmallImage } from "../../../test/suites/registry_requests.ts";
import { digestOf } from "../../oci/index.ts";
import { serveRegistry } from "../serve_registry.ts";
import { readConfig } from "./config/read_config.ts";
import { startServer } from "./start_server.ts";

async function serve(proxy: object) {
  const lines: string[] = [];
  const overrides = {
    storage: "inmemory",
    http: { addr: "127.0.0.1:0" },
    metrics: { enabled: true },
    log: { formatter: "json", level: "debug" },
    proxy,
  };
  const config = await readConfig({ environment: {}, overrides });
  const server = await startServer(config, (line) => void lines.push(line));
  const stop = () => server.stop(AbortSignal.abort());
  return { origin: `http://${server.address}`, lines, [Symbol.asyncDispose]: stop };
}

test("two upstreams and repositories of our own in one registry, counted by upstream", async () => {
  await using first = await serveRegistry({ storage: "memory" });
  const auth = { kind: "token", users: { robot: "s3cret" } } as const;
  await using second = await serveRegistry({ storage: "memory", auth });
  const digest = await pushSmallImage(`http://${first.address}`, "library/app", "v1");
  await using serving = await serve({
    upstreams: [
      { prefix: "hub", remoteurl: `http://${first.address}`, library: true, revalidate: "1h" },
      { prefix: "b/c", remoteurl: `http://${second.address}`, username: "robot", password: "s3cret" },
    ],
  });
  for (const _ of [1, 2]) {
    const answer = await fetch(`${serving.origin}/v2/hub/app/manifests/v1`);
    assert.equal(digestOf(Buffer.from(await answer.arrayBuffer())), digest);
  }
  await pushSmallImage(serving.origin, "own/app", "v1");
  assert.equal((await fetch(`${serving.origin}/v2/own/app/manifests/v1`)).status, 200);
  assert.equal((await fetch(`${serving.origin}/v2/b/c/app/manifests/v1`)).status, 404);
  await second.close();
  assert.equal((await fetch(`${serving.origin}/v2/b/c/app/manifests/v1`)).status, 503);
  const metrics = await (await fetch(`${serving.origin}/metrics`)).text();
  for (const line of [
    'registry_proxy_requests_total{upstream="hub",kind="manifest",result="miss"} 1',
    'registry_proxy_requests_total{upstream="hub",kind="manifest",result="hit"} 1',
    'registry_proxy_requests_total{upstream="b/c",kind="manifest",result="failed"} 2',
  ]) {
    assert.ok(metrics.includes(`${line}\n`), `${line} in ${metrics}`);
  }
  assert.match(metrics, /^registry_proxy_received_bytes_total\{upstream="hub"\} \d+$/m);
  const log = serving.lines.join("");
  assert.match(log, /"upstream unavailable"/);
  assert.doesNotMatch(log, /s3cret|authorization/i);
});

test("with distribution's proxy all names are the upstream's, and nothing can be pushed", async () => {
  await using upstream = await serveRegistry({ storage: "memory" });
  const digest = await pushSmallImage(`http://${upstream.address}`, "a/b", "v1");
  await using serving = await serve({ remoteurl: `http://${upstream.address}` });
  const answer = await fetch(`${serving.origin}/v2/a/b/manifests/${digest}`);
  assert.equal(answer.status, 200);
  const push = await fetch(`${serving.origin}/v2/x/blobs/uploads/`, { method: "POST" });
  assert.equal(push.status, 405);
});
