import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { BuildkitClient, type BuildAsked } from "../../../../test/support/buildkit_client.ts";
import { daemonFixture, type DaemonFixture } from "../../../../test/support/daemon_fixture.ts";
import { makeImage } from "../../../../test/support/engine_fixture.ts";
import { sampleLayer } from "../../../../test/fixtures/sample_image.ts";
import { unlessLinux } from "../../../../test/suites/scratch.ts";
import {
  DiskUsageRequest,
  DiskUsageResponse,
  Nothing,
  PruneRequest,
  SolveRequest,
  SolveResponse,
  UsageRecord,
} from "../../../buildkit/control/control_messages.ts";
import { RpcStatus } from "../../../buildkit/control/error_details.ts";
import type { GrpcError } from "../../../rpc/index.ts";

const skip = unlessLinux;

interface Machine extends AsyncDisposable {
  readonly fixture: DaemonFixture;
  readonly client: BuildkitClient;
  build(dockerfile: string, more?: Partial<BuildAsked>): ReturnType<BuildkitClient["build"]>;
}

async function machine(): Promise<Machine> {
  await using undo = new AsyncDisposableStack();
  const fixture = undo.use(await daemonFixture());
  await makeImage(fixture, { names: ["base:1"], files: { f: "x" } });
  const client = undo.use(await BuildkitClient.open(fixture.socket));
  const held = undo.move();
  return {
    fixture,
    client,
    build: (dockerfile, more = {}) =>
      client.build({ ...more, files: { Dockerfile: dockerfile, ...more.files } }),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

const moby = (name: string) => ({ type: "moby", attributes: { name } });

test("B179 a build as buildx makes it: progress, names, response, events", { skip }, async () => {
  await using host = await machine();
  const { fixture, client } = host;
  const [worker] = await client.workers();
  assert.deepEqual([worker?.id, worker?.platforms.length], [fixture.daemon.id, 1]);
  assert.ok((await client.capabilities()).includes("solve.base"));
  const dockerfile = "FROM base:1 AS a\nLABEL a=b\nCOPY f /g\nFROM base:1\nCOPY --from=a /g /h\n";
  const build = () => host.build(dockerfile, { files: { f: "text" }, exporter: moby("app:1,b/app:2") });
  const first = await build();
  assert.equal(first.error, undefined);
  const { Id, RepoTags } = await fixture.engine.images.inspect("b/app:2");
  assert.deepEqual(RepoTags, ["app:1", "b/app:2"]);
  assert.deepEqual(first.response, {
    "containerimage.config.digest": Id,
    "containerimage.digest": Id,
    "image.name": "docker.io/library/app:1,docker.io/b/app:2",
  });
  assert.deepEqual([...first.vertexes].sort(), [
    "[a 1/2] FROM docker.io/library/base:1",
    "[a 2/2] COPY f /g",
    "[internal] load .dockerignore",
    "[internal] load build context",
    "[internal] load build definition from Dockerfile",
    "[stage-1 1/2] FROM docker.io/library/base:1",
    "[stage-1 2/2] COPY --from=a /g /h",
    "exporting to image",
  ]);
  assert.ok(fixture.events().includes(`image tag ${Id}`));
  const again = await build();
  assert.equal(again.response["containerimage.digest"], Id);
  assert.deepEqual([...again.cached].sort(), ["[a 2/2] COPY f /g", "[stage-1 2/2] COPY --from=a /g /h"]);
  assert.deepEqual(fixture.warnings, []);
});

test("what a build fails with comes in words and with its place in the Dockerfile", { skip }, async () => {
  await using host = await machine();
  const { error, vertexes } = await host.build("FROM base:1\nCOPY none /x\n");
  assert.equal(error?.code, 2);
  assert.match(error?.message ?? "", /^COPY failed: .*none/);
  assert.ok(vertexes.includes("[2/2] COPY none /x"));
  const { message, details } = RpcStatus.decode(error?.details ?? new Uint8Array());
  assert.equal(message, error?.message);
  const [source] = details;
  assert.equal(source?.typeUrl, "github.com/moby/buildkit/errdefs.Source+json");
  const { info, ranges } = JSON.parse(Buffer.from(source?.value ?? []).toString()) as {
    info: { filename: string; data: string };
    ranges: unknown;
  };
  assert.deepEqual(
    [info.filename, Buffer.from(info.data, "base64").toString()],
    ["Dockerfile", "FROM base:1\nCOPY none /x\n"],
  );
  assert.deepEqual(ranges, [{ start: { line: 2 }, end: { line: 2 } }]);
  const unread = (await host.build("FROM base:1\nENV a=b \\\n  c\n")).error?.details;
  const [place] = RpcStatus.decode(unread ?? new Uint8Array()).details;
  assert.match(String(place?.value), /"ranges":\[\{"start":\{"line":2\},"end":\{"line":3\}\}\]/);
  for (const [dockerfile, more, wanted] of [
    [
      "FROM base:1\nRUNN\n",
      {},
      /^dockerfile parse error line 2: unknown instruction: RUNN \(did you mean RUN\?\)$/,
    ],
    ["FROM base:1\n", { attributes: { target: "x" } }, /^target stage "x" could not be found$/],
    ["FROM base:1\n", { attributes: { context: "/etc" } }, /^invalid context \/etc: it is no URL$/],
    ["FROM base:1\n", { attributes: { "context:n": "/etc" } }, /^unsupported context source \/etc for n$/],
    ["FROM base:1\n", { attributes: { "context:n": "input:x" } }, /^invalid input x for n$/],
    ["FROM base:1\n", { exporter: { type: "other" } }, /^exporter "other" could not be found$/],
    [
      "FROM base:1\n",
      { frontend: "gateway.v0", attributes: { source: "x/y" } },
      /^frontend image x\/y is not run here/,
    ],
    ["FROM base:1\n", { frontend: "other.v0" }, /^frontend other.v0 not found$/],
    [
      "FROM base:1\n",
      { attributes: { requestid: "frontend.other" } },
      /^unsupported request frontend.other$/,
    ],
  ] as const)
    assert.match((await host.build(dockerfile, more)).error?.message ?? "", wanted);
  assert.deepEqual(host.fixture.warnings, []);
});

test("results go to the client: a tar, and warnings of Docker's own checks", { skip }, async () => {
  await using host = await machine();
  const told = await host.build("from base:1\nMAINTAINER me\nCOPY f /f\n", {
    files: { f: "text" },
    exporter: { type: "tar" },
  });
  assert.equal(told.error, undefined);
  assert.deepEqual([told.response, told.exported.length % 512], [{}, 0]);
  // Files alone leave no image behind.
  assert.equal((await host.fixture.engine.images.list()).length, 1);
  assert.ok(told.exported.includes("text"));
  assert.ok(told.vertexes.includes("exporting to client tarball"));
  assert.deepEqual(
    told.warnings.map((text) => text.split(":")[0]),
    ["ConsistentInstructionCasing", "MaintainerDeprecated"],
  );
  const answers = await host.build("FROM base:1 AS a\nMAINTAINER me\nFROM a\n", {
    attributes: { requestid: "frontend.lint" },
  });
  const { warnings } = JSON.parse(answers.metadata["result.json"] ?? "") as {
    warnings: { ruleName: string }[];
  };
  assert.deepEqual(
    warnings.map(({ ruleName }) => ruleName),
    ["MaintainerDeprecated"],
  );
  assert.equal(answers.metadata["result.statuscode"], "1");
  const listed = await host.build("FROM base:1 AS a\nFROM a\n", {
    attributes: { requestid: "frontend.targets" },
  });
  assert.equal(listed.metadata["result.txt"], "TARGET\na\n (default)\n");
});

test("files come from where the attributes say, which is never this machine", { skip }, async () => {
  await using host = await machine();
  const copies = "FROM base:1\nCOPY f /g\n";
  const upload = (await sampleLayer({ "sub/Dockerfile": copies, f: "sent" })).tar;
  const sent = await host.build("", {
    attributes: { context: "http://buildkit-session/abc", filename: "sub/Dockerfile" },
    upload,
    exporter: { type: "tar" },
  });
  assert.ok(sent.exported.includes("sent"));
  const server = createServer((_request, response) => void response.end(upload)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const context = `http://127.0.0.1:${(server.address() as AddressInfo).port}/context.tar`;
  const own = await host.build("FROM base:1\nCOPY f /h\nCOPY --from=n f /n\nCOPY --from=img /f /i\n", {
    attributes: {
      context,
      dockerfilekey: "dockerfile",
      "context:n": "local:n",
      "context:img": "docker-image://base:1",
    },
    files: { f: "named" },
    exporter: { type: "tar" },
  });
  server.close();
  assert.equal(own.error, undefined);
  for (const text of ["sent", "named"]) assert.ok(own.exported.includes(text), text);
});

test("the result of one build is the base of another one, while neither has ended", { skip }, async () => {
  await using host = await machine();
  let child: Awaited<ReturnType<Machine["build"]>> | undefined;
  const parent = await host.build("FROM base:1\nCOPY f /f\n", {
    files: { f: "of the parent" },
    exporter: moby("parent:1"),
    onResult: async (definition) => {
      child = await host.build("FROM lib\nCOPY --from=lib /f /g\n", {
        attributes: { "context:lib": "input:key" },
        inputs: { key: definition },
        exporter: { type: "tar" },
      });
    },
  });
  assert.equal(parent.error, undefined);
  assert.equal(child?.error, undefined);
  assert.ok(child?.exported.includes("of the parent"));
  assert.equal(parent.vertexes.filter((name) => name.includes("COPY f /f")).length, 1);
  let of: Awaited<ReturnType<Machine["build"]>> | undefined;
  await host.build("FROM base:1\nCOPY f /f2\n", {
    files: { f: "of files" },
    exporter: { type: "tar" },
    onResult: async (definition) => {
      const inputs = { key: definition };
      of = await host.build("FROM lib\n", {
        attributes: { "context:lib": "input:key" },
        inputs,
        exporter: moby("of:1"),
      });
    },
  });
  assert.equal(of?.error, undefined);
  const lost = { operations: [Buffer.from("1a020a00", "hex")], metadata: [] };
  const wrong = await host.build("FROM lib\n", {
    attributes: { "context:lib": "input:key" },
    inputs: { key: lost },
  });
  assert.equal(wrong.error?.code, 12);
});

test("before a build a client reads files of places elsewhere", { skip }, async () => {
  await using host = await machine();
  const answer = (url: string | undefined) => (url === "/Dockerfile" ? "FROM base:1\n" : undefined);
  const server = createServer(({ url }, response) => {
    const found = answer(url);
    response.writeHead(found === undefined ? 404 : 200).end(found);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { client } = host;
  assert.deepEqual(await client.readElsewhere(`${at}/Dockerfile`, "Dockerfile"), {
    error: undefined,
    size: 12,
    text: "FROM ",
  });
  const words = async (identifier: string, path: string, attributes = {}) =>
    (await client.readElsewhere(identifier, path, attributes)).error?.message;
  assert.equal(await words(`${at}/Dockerfile`, "other"), "lstat other: no such file or directory");
  assert.match((await words(`${at}/none`, "none")) ?? "", /status 404/);
  const local = await words("git://x/y.git", "f", { "git.fullurl": "/etc" });
  assert.equal(local, "/etc is no git reference");
  assert.match((await words("local://context", "f")) ?? "", /^build graphs \(LLB\) are not solved here/);
  server.close();
  assert.deepEqual(host.fixture.warnings, []);
});

test("the client is asked for leave before anything is taken", { skip }, async () => {
  await using host = await machine();
  const image = "docker-image://docker.io/library/base:1";
  const local = ["local://dockerfile", "local://context"];
  const build = (allows: readonly string[], attributes = {}, files = {}) =>
    host.build("FROM base:1\nCOPY --from=n f /f\n", {
      allows,
      attributes: { "context:n": "local:n", ...attributes },
      files: { f: "x", ...files },
    });
  assert.equal((await build([...local, "local://n", image])).error, undefined);
  for (const [allows, denied] of [
    [[image, "local://n", "local://context"], "local://dockerfile"],
    [[image, ...local], "local://n"],
    [[...local, "local://n"], image],
  ] as const)
    assert.equal((await build(allows)).error?.message, `source "${denied}" not allowed by policy`);
  const elsewhere = { context: "http://127.0.0.1:9/c.tar", dockerfilekey: "dockerfile" };
  const { error } = await build(["local://n", "local://dockerfile"], elsewhere);
  assert.equal(error?.message, 'source "http://127.0.0.1:9/c.tar" not allowed by policy');
  const git = await build([], { context: "git@h.example:a/b.git#main" });
  assert.equal(git.error?.message, 'source "git://h.example/a/b.git#main" not allowed by policy');
});

test("a client that gives up ends its build", { skip }, async () => {
  await using host = await machine();
  const [stop, gone] = [new AbortController(), Promise.withResolvers<void>()];
  const server = createServer((_request, response) => {
    response.once("close", gone.resolve);
    stop.abort();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const context = `http://127.0.0.1:${(server.address() as AddressInfo).port}/never`;
  await assert.rejects(host.build("", { attributes: { context }, signal: stop.signal }), {
    kind: "cancelled",
  });
  await gone.promise;
  server.close();
  assert.equal((await host.build("FROM base:1\n")).error, undefined);
  assert.deepEqual(host.fixture.warnings, []);
});

test("what buildx du and prune ask", { skip }, async () => {
  await using host = await machine();
  const { client, fixture } = host;
  await host.build("FROM base:1\nCOPY f /f\n", { files: { f: "text" }, exporter: moby("app:1") });
  const { records } = await client.call("DiskUsage", DiskUsageRequest, DiskUsageResponse, { filter: [""] });
  assert.deepEqual(
    records.map(({ recordType, description, inUse }) => [recordType, description, inUse]).sort(),
    [
      ["regular", "COPY f /f", false],
      ["source.local", "local source for context", false],
    ],
  );
  const other = client.call("DiskUsage", DiskUsageRequest, DiskUsageResponse, { filter: ["id==x"] });
  await assert.rejects(other, { code: 12 });
  const pruned = await client.all("Prune", PruneRequest, UsageRecord, { all: true });
  const ids = (all: readonly { readonly id: string }[]): string[] => all.map(({ id }) => id).sort();
  assert.deepEqual(ids(pruned), ids(records));
  assert.equal(fixture.lastEvent()?.Type, "builder");
});

test(
  "calls that belong to no build, results that are not there and graphs are refused",
  { skip },
  async () => {
    await using host = await machine();
    const { client } = host;
    const bridge = (headers: Record<string, string>) =>
      client.bridgeCall("Ping", headers).then(
        () => 0,
        (error: GrpcError) => error.code,
      );
    assert.equal(await bridge({}), 3);
    const definition = { operations: [Buffer.of(1)] };
    const graph = client.call("Solve", SolveRequest, SolveResponse, { ref: "graph", definition });
    await assert.rejects(graph, { code: 12, message: /^build graphs \(LLB\) are not solved here/ });
    const governed = { ref: "governed", frontend: "dockerfile.v0", sourcePolicy: {} };
    const refused = client.call("Solve", SolveRequest, SolveResponse, governed);
    await assert.rejects(refused, { code: 12, message: /^source policies are only enforced where/ });
    const history = client.call("ListenBuildHistory", Nothing, Nothing, {});
    await assert.rejects(history, { code: 12, message: /^there is no history of builds here/ });
    const plain = await host.fixture.post("/grpc");
    assert.deepEqual([plain.status, plain.json()], [400, { message: "no upgrade proto in request" }]);
  },
);
