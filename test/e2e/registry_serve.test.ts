/** `varve registry serve` as a program: clients, signals, configuration. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { request, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { dockerdSkip, startDockerd } from "../suites/dockerd.ts";
import { scratch } from "../suites/scratch.ts";
import { serve, varve, type Served } from "./registry_serving.ts";
import { makeBase, unless } from "./support.ts";

async function ask(method: string, url: string, body?: Uint8Array): Promise<IncomingMessage> {
  const [response] = await once(request(url, { method, agent: false }).end(body), "response");
  return response as IncomingMessage;
}

test(
  "B157 varve registry serve --root: docker pushes and pulls, the data lie in distribution's tree",
  { skip: dockerdSkip || unless("busybox", "tar") },
  async () => {
    using directory = scratch("serve");
    const data = join(directory.path, "data");
    await using served = await serve(["--root", data]);
    await using daemon = await startDockerd(join(directory.path, "d"), "vfs");
    const id = daemon.docker("import", makeBase(directory.path, { id: "b" }), `${served.address}/a/b:v1`);
    daemon.docker("push", `${served.address}/a/b:v1`);
    daemon.docker("rmi", `${served.address}/a/b:v1`);
    daemon.docker("pull", `${served.address}/a/b:v1`);
    assert.equal(daemon.docker("image", "inspect", "-f", "{{.Id}}", `${served.address}/a/b:v1`), id);
    assert.ok(existsSync(join(data, "docker/registry/v2/repositories/a/b/_manifests/tags/v1/current/link")));
  },
);

test("SIGTERM during a pull: the pull gets all its bytes, nobody else gets in, the exit code is 0", async () => {
  using directory = scratch("serve");
  await using served = await serve(["--root", directory.path]);
  const url = `http://${served.address}/v2/a/b/blobs`;
  const bytes = randomBytes(32 << 20);
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  assert.equal((await ask("POST", `${url}/uploads/?digest=${digest}`, bytes)).statusCode, 201);
  const slow = await ask("GET", `${url}/${digest}`);
  served.child.kill("SIGTERM");
  await served.logged("msg=draining requests=1");
  await assert.rejects(ask("GET", `http://${served.address}/v2/`), /ECONNREFUSED|ECONNRESET|socket hang up/);
  const hash = createHash("sha256");
  for await (const chunk of slow) hash.update(chunk as Uint8Array);
  assert.equal(`sha256:${hash.digest("hex")}`, digest);
  assert.deepEqual(await served.ended, [0, null]);
});

test("distribution's file with an override of the environment; garbage-collect and tag-history on the same", async () => {
  using directory = scratch("serve");
  const config = join(directory.path, "config.yml");
  writeFileSync(
    config,
    "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: /nonexistent\nhttp:\n  addr: :5000\n",
  );
  const data = join(directory.path, "data");
  const env = { REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: data, REGISTRY_LOG_FORMATTER: "json" };
  const put = async (served: Served) => {
    const url = `http://${served.address}/v2/a/b/manifests/v1`;
    const body = JSON.stringify({
      schemaVersion: 2,
      manifests: [],
      mediaType: "application/vnd.oci.image.index.v1+json",
    });
    const headers = { "Content-Type": "application/vnd.oci.image.index.v1+json" };
    const response = await fetch(url, { method: "PUT", body, headers });
    assert.equal(response.status, 201);
    return response.headers.get("Docker-Content-Digest") as string;
  };
  let digest: string;
  {
    await using served = await serve([config], env);
    digest = await put(served);
    served.child.kill("SIGINT");
    assert.deepEqual(await served.ended, [0, null]);
    assert.equal((JSON.parse(served.log[0] as string) as { level: string }).level, "info");
  }
  const collected = await varve.run(["registry", "garbage-collect", "--dry-run", config], { env });
  assert.equal(collected.code, 0, collected.stderr);
  assert.match(collected.stdout, /^1 blobs marked, 0 blobs and 0 manifests eligible for deletion$/m);
  const history = await varve.run(["registry", "tag-history", "--config", config, "a/b:v1"], { env });
  assert.match(history.stdout, new RegExp(`^\\* .*Z pushed ${digest} 127\\.0\\.0\\.1$`, "m"));
  assert.equal((await varve.run(["registry", "fsck", config], { env })).code, 0);
});

test("what is wrong with a configuration is told with its place, and nothing is served", async () => {
  using directory = scratch("serve");
  const config = join(directory.path, "config.yml");
  writeFileSync(config, "version: 0.1\nstorage: inmemory\nhttp:\n  adr: :5000\n");
  const { code, stderr } = await varve.run(["registry", "serve", config]);
  assert.equal(code, 1);
  assert.ok(stderr.includes(`${config}:4: http.adr: unknown key, did you mean addr?`), stderr);
});
