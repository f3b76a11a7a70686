import assert from "node:assert/strict";
import { test } from "node:test";
import { ClientSession, upgraded } from "../../../../test/support/buildkit_session.ts";
import { daemonFixture, type DaemonFixture } from "../../../../test/support/daemon_fixture.ts";
import { makeImage } from "../../../../test/support/engine_fixture.ts";
import { sampleLayer } from "../../../../test/fixtures/sample_image.ts";
import { unlessLinux } from "../../../../test/suites/scratch.ts";
import { StatusResponse, type StatusUpdate } from "../../../buildkit/index.ts";
import { serveGrpc } from "../../../rpc/index.ts";

const skip = unlessLinux;

async function machine(): Promise<DaemonFixture> {
  const fixture = await daemonFixture();
  await makeImage(fixture, { names: ["base:1"], files: { f: "x" } });
  return fixture;
}

type Line = Record<string, unknown> & { readonly id?: string; readonly aux?: unknown };

/** Names of what was told to have begun, and what the other lines say. */
function told(lines: readonly Line[]) {
  const traces = lines.filter(({ id }) => id === "moby.buildkit.trace");
  const updates = traces.map(({ aux }): StatusUpdate =>
    StatusResponse.decode(Buffer.from(String(aux), "base64")),
  );
  const names = updates.flatMap(({ vertexes = [] }) => vertexes.map(({ name }) => name));
  return { names: [...new Set(names)], others: lines.filter(({ id }) => id !== "moby.buildkit.trace") };
}

const dockerfile = "FROM base:1\nARG WHO\nLABEL who=$WHO\nCOPY f /g\n";

test(
  "B179 a build whose files a session has: trace, ID, and nothing but that where it is to be quiet",
  { skip },
  async () => {
    await using fixture = await machine();
    using session = await ClientSession.open(fixture.socket, {
      files: { Dockerfile: dockerfile, f: "text", "g.log": "" },
    });
    const query = new URLSearchParams({
      version: "2",
      remote: "client-session",
      session: session.id,
      buildargs: '{"WHO":"me","NONE":null}',
      labels: '{"l":"1"}',
      t: "app:1",
    });
    const answer = await fixture.post(`/build?${query}`);
    const { names, others } = told(answer.lines());
    const { Id, Config } = await fixture.engine.images.inspect("app:1");
    assert.deepEqual(others, [{ id: "moby.image.id", aux: { ID: Id } }]);
    assert.deepEqual(Config?.Labels, { who: "me", l: "1" });
    assert.deepEqual(
      names.filter((name) => /^\[internal\] load (build|\.)|COPY|exporting/.test(name ?? "")).sort(),
      [
        "[2/2] COPY f /g",
        "[internal] load .dockerignore",
        "[internal] load build context",
        "[internal] load build definition from Dockerfile",
        "exporting to image",
      ],
    );
    const quiet = await fixture.post(`/build?${query}&q=1`);
    assert.deepEqual(quiet.lines(), [{ stream: `${Id}\n` }]);
    const failed = told((await fixture.post(`/build?${query}&q=1&target=none`)).lines());
    assert.ok(failed.names.length > 0);
    assert.match(String(failed.others[0]?.["error"]), /none/);
    const out = `outputs=${encodeURIComponent('[{"Type":"tar"}]')}`;
    assert.deepEqual(told((await fixture.post(`/build?${query}&${out}`)).lines()).others, []);
    assert.ok(session.exported.includes("text"));
    assert.deepEqual(fixture.warnings, []);
  },
);

test("B179 a context in the body of the call, or of another one", { skip }, async () => {
  await using fixture = await machine();
  const { tar } = await sampleLayer({ Dockerfile: dockerfile, f: "text" });
  const own = told((await fixture.post("/build?version=2", { body: tar })).lines());
  assert.equal(own.others[0]?.id, "moby.image.id");
  const uploading = fixture.post("/build?version=2&buildid=upload-request:b", { body: tar });
  const built = told((await fixture.post("/build?version=2&remote=upload-request&buildid=b")).lines());
  assert.deepEqual(built.others, own.others);
  assert.equal((await uploading).status, 200);
});

test("B179 a build is not refused before its client serves the session", { skip }, async () => {
  await using fixture = await machine();
  const socket = await upgraded(fixture.socket, "/session", { "X-Docker-Expose-Session-Uuid": "late" });
  const seen: string[] = [];
  const query = "version=2&remote=client-session&session=late&networkmode=other";
  const building = fixture.post(`/build?${query}`).then((answer) => {
    seen.push("refused");
    return answer;
  });
  await fixture.ask("/_ping");
  await fixture.ask("/_ping");
  seen.push("serves");
  const served = serveGrpc(socket, {}, (bug) => assert.fail(String(bug)));
  const { status, json } = await building;
  assert.deepEqual([status, json()], [400, { message: 'network mode "other" not supported by buildkit' }]);
  assert.deepEqual(seen, ["serves", "refused"]);
  served.destroy();
});

test("a build that is cancelled before its session has come", { skip }, async () => {
  await using fixture = await machine();
  const building = fixture.post("/build?version=2&remote=client-session&session=never&buildid=mine");
  // It is under way from its arrival on, which nothing tells of.
  const call = { isOver: false };
  void building.then(() => (call.isOver = true));
  while (!call.isOver) await fixture.post("/build/cancel?id=mine");
  assert.deepEqual(
    [(await building).status, (await building).json()],
    [499, { message: "context canceled" }],
  );
});
