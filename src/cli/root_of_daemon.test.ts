import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { daemonFixture } from "../../test/support/daemon_fixture.ts";
import { makeImage } from "../../test/support/engine_fixture.ts";
import { scratch, unlessLinux } from "../../test/suites/scratch.ts";
import { namesOfDaemon, namesOfRoot } from "./completion_names.ts";
import { EngineClient, parseEngineAddress } from "./engine_client/index.ts";
import { rootOfDaemon } from "./root_of_daemon.ts";

test("a command works on the root of the daemon that is named", { skip: unlessLinux }, async () => {
  await using fixture = await daemonFixture();
  const url = `unix://${fixture.socket}`;
  const { root } = fixture.engine.store;
  for (const given of [undefined, root, `${root}/.`])
    assert.equal(await rootOfDaemon({ url, root: given, command: "images" }), root);
  await assert.rejects(rootOfDaemon({ url, root: "/elsewhere", command: "images" }), {
    kind: "conflict",
    message: `the daemon at ${url} serves ${root}, not /elsewhere`,
  });
});

test("a daemon of Docker's, or on another machine, has no root to work on", async () => {
  using directory = scratch("root-of-daemon");
  const path = join(directory.path, "s");
  let platform = "Docker Engine - Community";
  const server = createServer(({ url }, response) => {
    const isVersion = url?.endsWith("/version") === true;
    const info = { ID: "another", DockerRootDir: directory.path };
    response.end(JSON.stringify(isVersion ? { Platform: { Name: platform } } : info));
  });
  await once(server.listen(path), "listening");
  const url = `unix://${path}`;
  const ask = () => rootOfDaemon({ url, root: undefined, command: "images" });
  await assert.rejects(ask(), { kind: "unsupported", message: /the daemon at unix:.* is Docker's$/ });
  platform = "varve";
  await assert.rejects(ask(), { kind: "unsupported", message: /is out of reach here$/ });
  server.close();
});

test("completion offers the same names of a daemon and of its root", { skip: unlessLinux }, async () => {
  await using fixture = await daemonFixture();
  await makeImage(fixture, { names: ["a:1", "b:2"], files: { f: "x" } });
  await fixture.engine.volumes.create({ name: "data" });
  const client = await EngineClient.connect(parseEngineAddress(`unix://${fixture.socket}`, {}));
  const { root } = fixture.engine.store;
  const kinds = { image: "a:1 b:2", volume: "data", container: "", running: "", stopped: "" } as const;
  for (const [kind, names] of Object.entries(kinds) as [keyof typeof kinds, string][]) {
    assert.equal((await namesOfDaemon(kind, client)).join(" "), names, kind);
    assert.equal((await namesOfRoot(kind, { root, driver: "vfs" })).join(" "), names, kind);
  }
  assert.ok((await namesOfDaemon("network", client)).includes("none"));
});
