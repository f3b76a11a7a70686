/** `GET /events`. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { createInterface } from "node:readline";
import { after, before, suite, test } from "node:test";
import { daemonFixture, type DaemonFixture } from "../../../../test/support/daemon_fixture.ts";

interface Shown {
  readonly Type: string;
  readonly Action: string;
  readonly Actor: { readonly ID: string };
  readonly status?: string;
  readonly id?: string;
  readonly from?: string;
}

/** As clients send it. */
const secondsOf = ({ timeNano } = { timeNano: 0n }): string =>
  `${timeNano / 1_000_000_000n}.${String(timeNano % 1_000_000_000n).padStart(9, "0")}`;

suite("events", () => {
  let fixture: DaemonFixture;
  before(async () => {
    fixture = await daemonFixture();
    const { events } = fixture.daemon;
    events.tell("container", "create", "c1", { name: "web", image: "app:1", tier: "front" });
    events.tell("container", "exec_create: sh -c true", "c1", { name: "web", image: "app:1" });
    events.tell("image", "pull", "r.example:5000/app:1", { name: "r.example:5000/app" });
    events.tell("network", "connect", "n1", { name: "net", container: "c1", type: "bridge" });
    events.tell("volume", "create", "data", { driver: "local" });
  });
  after(() => fixture[Symbol.asyncDispose]());

  const past = async (query: string): Promise<Shown[]> => {
    const { status, text } = await fixture.ask(
      `/events?since=0&until=${secondsOf(fixture.lastEvent())}&${query}`,
    );
    assert.equal(status, 200);
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Shown);
  };
  const filtered = async (filters: object): Promise<string[]> =>
    (await past(`filters=${encodeURIComponent(JSON.stringify(filters))}`)).map(
      ({ Type, Action }) => `${Type} ${Action}`,
    );

  test("B183 what was is told with the fields of all versions", async () => {
    const { text } = await fixture.ask(`/events?since=0&until=${secondsOf(fixture.lastEvent())}`);
    const [first = "", , third = ""] = text.split("\n");
    const { time, timeNano } = fixture.daemon.events.recent[0] ?? {};
    // To the letter: a timeNano is beyond what JavaScript counts exactly.
    assert.equal(
      first,
      `{"status":"create","id":"c1","from":"app:1","Type":"container","Action":"create","Actor":{"ID":"c1","Attributes":{"name":"web","image":"app:1","tier":"front"}},"scope":"local","time":${time},"timeNano":${timeNano}}`,
    );
    assert.match(third, /^\{"status":"pull","id":"r\.example:5000\/app:1","Type":"image"/);
    assert.equal((await past("")).length, 5);
  });

  test("B183 until alone, and without either nothing of the past", async () => {
    const [, second] = fixture.daemon.events.recent;
    const { text } = await fixture.ask(`/events?until=${secondsOf(second)}`);
    assert.equal(text.trimEnd().split("\n").length, 2);
  });

  const cases: readonly [filters: object, found: readonly string[]][] = [
    [{ type: ["volume"] }, ["volume create"]],
    [{ event: ["create"] }, ["container create", "volume create"]],
    [{ event: { create: true }, type: { container: true } }, ["container create"]],
    [{ event: ["exec_create"] }, ["container exec_create: sh -c true"]],
    [{ event: ["exec"] }, []],
    [{ action: ["pull", "connect"] }, ["image pull", "network connect"]],
    [{ container: ["we"] }, ["container create", "container exec_create: sh -c true"]],
    [{ container: ["c1"], event: ["create"] }, ["container create"]],
    [{ image: ["app"] }, ["container create", "container exec_create: sh -c true"]],
    [{ image: ["app:1"] }, ["container create", "container exec_create: sh -c true"]],
    [{ image: ["r.example:5000/app"] }, ["image pull"]],
    [{ image: ["ap"] }, []],
    [{ label: ["tier=front"] }, ["container create"]],
    [{ label: ["tier"], type: ["container", "volume"] }, ["container create"]],
    [{ network: ["net"] }, ["network connect"]],
    [{ volume: ["data"] }, ["volume create"]],
    [{ label: ["toString"] }, []],
    [{ scope: ["swarm"] }, []],
    [{ scope: ["local"], type: ["network"] }, ["network connect"]],
    [{ daemon: ["x"] }, []],
    [{ later: ["x"], type: ["volume"] }, ["volume create"]],
  ];
  for (const [filters, found] of cases) {
    test(`B183 events by ${JSON.stringify(filters)}`, async () => {
      assert.deepEqual(await filtered(filters), found);
    });
  }

  const open = async (query = ""): Promise<IncomingMessage> => {
    const client = request({ socketPath: fixture.socket, path: `/events${query}`, agent: false }).end();
    const [message] = (await once(client, "response")) as [IncomingMessage];
    return message;
  };

  test("B183 what happens comes as it happens, behind what was", async () => {
    const message = await open(`?since=0&filters=${encodeURIComponent('{"type":["volume","plugin"]}')}`);
    const lines = createInterface({ input: message })[Symbol.asyncIterator]();
    const next = async (): Promise<string> =>
      (JSON.parse((await lines.next()).value ?? "{}") as Shown).Actor.ID;
    assert.equal(await next(), "data");
    fixture.daemon.events.tell("container", "start", "c1");
    fixture.daemon.events.tell("plugin", "enable", "p1");
    assert.equal(await next(), "p1");
    message.destroy();
  });

  test("a client that reads nothing is cut off", async () => {
    const message = await open();
    message.pause();
    const { events } = fixture.daemon;
    const attributes = { name: "x".repeat(100_000) };
    for (let told = 0; told < 1000 && events.listeners > 0; told++) {
      events.tell("plugin", "enable", "large", attributes);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(events.listeners, 0);
    message.destroy();
  });

  test("at most 256 events are kept", async () => {
    for (let told = 0; told < 300; told++) fixture.daemon.events.tell("volume", "mount", `v${told}`);
    const ids = (await past("")).map(({ Actor }) => Actor.ID);
    assert.deepEqual([ids.length, ids[0], ids.at(-1)], [256, "v44", "v299"]);
  });

  test("B183 that images were made is told from 1.46 on", async () => {
    fixture.daemon.events.tell("image", "create", "i1", { name: "i1" });
    const told = async (version: string): Promise<string> =>
      (await fixture.ask(`/v${version}/events?since=0&until=${secondsOf(fixture.lastEvent())}`)).text;
    assert.doesNotMatch(await told("1.45"), /"i1"/);
    assert.match(await told("1.46"), /"i1"/);
  });
});
