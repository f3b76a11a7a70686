/** Swarm, nodes, services, tasks, secrets, configs, plugins. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { daemonFixture, type Asked, type DaemonFixture } from "../../../../test/support/daemon_fixture.ts";
import { Swarm } from "../../../engine/swarm/swarm.ts";

const inactive =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';
const noNumber = (kind: string): string =>
  `invalid ${kind} version '': strconv.ParseUint: parsing "": invalid syntax`;

/** As dockerd 20.10 answers; the body of a POST is `{}`. */
const outside: readonly [request: string, status: number, message: string][] = [
  ["GET swarm", 503, inactive],
  ["POST swarm/leave", 503, "This node is not part of a swarm"],
  ["POST swarm/leave?force=1", 503, "This node is not part of a swarm"],
  ["POST swarm/init", 400, 'invalid ListenAddr "": invalid empty address'],
  ["POST swarm/join", 400, 'invalid ListenAddr "": invalid empty address'],
  ["POST swarm/update", 400, noNumber("swarm")],
  ["POST swarm/update?version=1", 503, inactive],
  ["GET swarm/unlockkey", 503, inactive],
  ["POST swarm/unlock", 503, inactive],
  ["GET nodes", 503, inactive],
  ["GET nodes/x", 503, inactive],
  ["DELETE nodes/x", 503, inactive],
  ["POST nodes/x/update", 400, noNumber("node")],
  ["POST nodes/x/update?version=1", 503, inactive],
  ["GET services", 503, inactive],
  ["GET services/x", 503, inactive],
  ["GET services/x/logs?stdout=1", 503, inactive],
  ["POST services/create", 503, inactive],
  ["POST services/x/update", 400, noNumber("service")],
  ["POST services/x/update?version=1", 503, inactive],
  ["DELETE services/x", 503, inactive],
  ["GET tasks", 503, inactive],
  ["GET tasks/x", 503, inactive],
  ["GET tasks/x/logs?stderr=1", 503, inactive],
  ["GET secrets", 503, inactive],
  ["GET secrets/x", 503, inactive],
  ["POST secrets/create", 503, inactive],
  ["POST secrets/x/update", 400, "invalid secret version"],
  ["DELETE secrets/x", 503, inactive],
  ["GET configs", 503, inactive],
  ["GET configs/x", 503, inactive],
  ["POST configs/create", 503, inactive],
  ["POST configs/x/update", 400, "invalid config version"],
  ["DELETE configs/x", 503, inactive],
  ["GET plugins/x/json", 404, 'plugin "x" not found'],
  ["DELETE plugins/x", 404, 'plugin "x" not found'],
  ["POST plugins/r.example/x:1/disable", 404, 'plugin "r.example/x:1" not found'],
];

/** Inside a swarm of one node. */
const inside: readonly [request: string, status: number, message: string | RegExp][] = [
  ["POST swarm/init", 503, /^This node is already part of a swarm/],
  ["POST swarm/join", 503, /^This node is already part of a swarm/],
  [
    "POST swarm/leave",
    503,
    /^You are attempting to leave the swarm on a node that is participating as a manager/,
  ],
  ["POST swarm/unlock", 409, "swarm is not locked"],
  ["POST swarm/update?version=1", 500, "rpc error: code = Unknown desc = update out of sequence"],
  // No beginning of any ID.
  ["GET nodes/no-node", 404, "node no-node not found"],
  ["GET services/x", 404, "service x not found"],
  ["GET tasks/x", 404, "task x not found"],
  ["GET secrets/x", 404, "secret x not found"],
  ["GET configs/x", 404, "config x not found"],
  ["DELETE services/x", 404, "service x not found"],
  ["GET services/x/logs?stdout=1", 404, "service x not found"],
  ["POST nodes/x/update?version=1", 400, 'invalid Role: ""'],
  ["POST services/create", 501, /runs containers, not services/],
  ["POST secrets/create", 501, /cannot create a secret/],
  ["POST configs/create", 501, /cannot create a config/],
];

async function send(fixture: DaemonFixture, line: string, body: object = {}) {
  const [method = "", path = ""] = line.split(" ");
  const asked: Asked = method === "POST" ? { method, body } : { method };
  return fixture.ask(`/${path}`, asked);
}

const spec = { ListenAddr: "0.0.0.0:2377", AdvertiseAddr: "192.0.2.7" };

suite("swarm", () => {
  test("B182 outside a swarm all routes answer as dockerd's", async () => {
    await using fixture = await daemonFixture();
    for (const [line, status, message] of outside) {
      const answer = await send(fixture, line);
      assert.deepEqual([line, answer.status, answer.json()], [line, status, { message }]);
    }
    assert.deepEqual((await send(fixture, "GET plugins")).json(), []);
  });

  test("B182 a swarm of this node: begun, looked at, changed, left", async () => {
    await using fixture = await daemonFixture();
    for (const AdvertiseAddr of ["nope", "0.0.0.0", "[::]:2377"]) {
      const refused = await send(fixture, "POST swarm/init", { ...spec, AdvertiseAddr });
      const message =
        "advertise address must be a non-zero IP address or network interface (with optional port number)";
      assert.deepEqual([refused.status, refused.json()], [400, { message }]);
    }
    const id = (await send(fixture, "POST swarm/init", spec)).json<string>();
    assert.match(id, /^[0-9a-z]{25}$/);
    for (const [line, status, message] of inside) {
      const answer = await send(fixture, line);
      const told = answer.json<{ message: string }>();
      assert.deepEqual([line, answer.status], [line, status], told.message);
      if (typeof message === "string") assert.equal(told.message, message);
      else assert.match(told.message, message);
    }
    for (const path of ["services", "tasks", "secrets", "configs"])
      assert.deepEqual((await send(fixture, `GET ${path}`)).json(), []);
    const [node] = (await send(fixture, "GET nodes")).json<Record<string, unknown>[]>();
    assert.deepEqual([node?.["ID"], node?.["Status"]], [id, { State: "ready", Addr: "192.0.2.7" }]);
    assert.deepEqual(node?.["ManagerStatus"], {
      Leader: true,
      Reachability: "reachable",
      Addr: "192.0.2.7:2377",
    });
    const info = (await send(fixture, "GET info")).json<{ Swarm: Record<string, unknown> }>().Swarm;
    assert.deepEqual(
      [info["NodeID"], info["LocalNodeState"], info["ControlAvailable"]],
      [id, "active", true],
    );
    assert.equal((await send(fixture, "HEAD _ping")).headers["swarm"], "active/manager");
    assert.equal((await send(fixture, "POST swarm/leave?force=1")).status, 200);
    assert.equal((await send(fixture, "GET swarm")).status, 503);
  });

  test("B182 changes name the version that they are made to; tokens are made anew", async () => {
    await using fixture = await daemonFixture();
    await send(fixture, "POST swarm/init", {
      ...spec,
      Spec: { TaskDefaults: {}, Raft: { SnapshotInterval: 7 } },
    });
    const before = (await send(fixture, "GET swarm")).json<Cluster>();
    assert.deepEqual(
      [before.Spec.Name, before.Spec.Raft.SnapshotInterval, before.Spec.Raft.ElectionTick],
      ["default", 7, 10],
    );
    const query = `version=${before.Version.Index}&rotateWorkerToken=1`;
    const changed = await send(fixture, `POST swarm/update?${query}`, { ...before.Spec, Labels: { a: "b" } });
    assert.equal(changed.status, 200);
    const now = (await send(fixture, "GET swarm")).json<Cluster>();
    assert.deepEqual([now.Version.Index, now.Spec.Labels], [before.Version.Index + 1, { a: "b" }]);
    assert.equal(now.JoinTokens.Manager, before.JoinTokens.Manager);
    assert.notEqual(now.JoinTokens.Worker, before.JoinTokens.Worker);
    assert.match(now.JoinTokens.Worker, /^SWMTKN-1-[0-9a-z]{50}-[0-9a-z]{25}$/);
    // The next daemon on this root is in it, too.
    assert.equal(new Swarm(fixture.root).state?.tokens.worker, now.JoinTokens.Worker);
    const locked = { ...now.Spec, EncryptionConfig: { AutoLockManagers: true } };
    assert.equal((await send(fixture, `POST swarm/update?version=${now.Version.Index}`, locked)).status, 501);
  });

  test("B182 the node's spec can be changed, but it is the last manager", async () => {
    await using fixture = await daemonFixture();
    const id = (await send(fixture, "POST swarm/init", spec)).json<string>();
    const update = (version: number, Role: string) =>
      send(fixture, `POST nodes/${id.slice(0, 8)}/update?version=${version}`, {
        Role,
        Availability: "drain",
        Labels: { tier: "front" },
      });
    assert.equal((await update(9, "manager")).status, 200);
    const node = (await send(fixture, `GET nodes/${id}`)).json<{
      Version: { Index: number };
      Spec: object;
    }>();
    assert.deepEqual(node.Spec, { Labels: { tier: "front" }, Role: "manager", Availability: "drain" });
    assert.equal((await update(9, "manager")).status, 500);
    assert.equal((await update(node.Version.Index, "worker")).status, 412);
    assert.equal((await send(fixture, `DELETE nodes/${id}`)).status, 412);
    const filters = encodeURIComponent('{"node.label":["tier=back"]}');
    assert.deepEqual((await send(fixture, `GET nodes?filters=${filters}`)).json(), []);
  });
});

interface Cluster {
  readonly Version: { readonly Index: number };
  readonly Spec: {
    readonly Name: string;
    readonly Labels: object;
    readonly Raft: { readonly SnapshotInterval: number; readonly ElectionTick: number };
  };
  readonly JoinTokens: { readonly Worker: string; readonly Manager: string };
}
