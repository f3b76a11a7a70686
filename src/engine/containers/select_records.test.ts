import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../../errors.ts";
import type { Store } from "../../store/index.ts";
import { never, type ContainerRecord } from "./record.ts";
import { selectRecords, type ContainerSelection } from "./select_records.ts";

const started = "2026-01-01T00:00:00Z";
const stopped = { Running: false, ExitCode: 0, StartedAt: never, Health: null };

function record(ID: string, Name: string, rest: object): ContainerRecord {
  const usual = { Config: {}, MountPoints: {}, NetworkSettings: {}, State: stopped };
  return { ...usual, ID, Name, ...rest } as unknown as ContainerRecord;
}

const networks = (names: object, Ports: object = {}) => ({ NetworkSettings: { Networks: names, Ports } });

/** Newest first. */
const all: readonly ContainerRecord[] = [
  record("c3", "/web", {
    Config: { Labels: { a: "1=2", b: "" } },
    ...networks(
      { bridge: { NetworkID: "4e6f2b" }, front: null },
      { "80/tcp": [{ HostIp: "0.0.0.0", HostPort: "8080" }], "53/udp": null },
    ),
    State: { ...stopped, Running: true, StartedAt: started, Health: { Status: "healthy" } },
  }),
  record("b2", "/job", {
    Config: { Labels: { a: "1=2" } },
    MountPoints: { "/data": { Name: "vol", Source: "/v/vol", Destination: "/data" } },
    State: { ...stopped, ExitCode: 3, StartedAt: started },
  }),
  record("a1", "/old", { ...networks({ none: {} }), State: { ...stopped, ExitCode: 3 } }),
];

/** No filter of these tests asks for images. */
const store = {} as Store;

/** @param texts `name=value` */
function selection(texts: readonly string[], rest: ContainerSelection = { all: true }): ContainerSelection {
  const filters = new Map<string, Set<string>>();
  for (const text of texts) {
    const [name = "", value = ""] = text.split(/=(.*)/s);
    filters.set(name, (filters.get(name) ?? new Set()).add(value));
  }
  return { ...rest, filters };
}

const names = async (wanted: ContainerSelection): Promise<string> =>
  (await selectRecords(store, all, wanted)).map(({ Name }) => Name.slice(1)).join(" ");

test("B095 B178 containers are kept by filters: one key's values are alternatives, labels must all be there", async () => {
  for (const [filters, found] of [
    [[], "web job old"],
    [["status=exited", "status=created"], "job old"],
    [["status=exited", "name=web"], ""],
    [["name=^/we"], "web"],
    [["name=("], ""],
    [["id=b"], "job"],
    [["exited=3", "exited=4"], "job"],
    [["exited=+3"], "job"],
    [["label=a=1=2"], "web job"],
    [["label=a", "label=b"], "web"],
    [["label=toString"], ""],
    [["network=front", "network=none"], "web old"],
    [["network=4e6f"], "web"],
    [["volume=vol"], "job"],
    [["volume=/data"], "job"],
    [["volume=/v/vol"], ""],
    [["publish=8080"], "web"],
    [["publish=80"], ""],
    [["publish=53/udp"], ""],
    [["expose=70-90/tcp"], "web"],
    [["expose=80/udp", "expose=53/udp"], "web"],
    [["health=healthy"], "web"],
    [["health=none"], "job old"],
    [["is-task=true"], ""],
    [["is-task=0"], "web job old"],
    [["isolation=default"], "web job old"],
    [["before=web"], "job old"],
    [["since=a1"], "web job"],
    [["since=/old", "before=web"], "job"],
  ] as const) {
    assert.equal(await names(selection(filters)), found, filters.join(" "));
  }
});

test("B095 B178 what does not run is asked for: by all, by a limit, by its status", async () => {
  assert.equal(await names({}), "web");
  assert.equal(await names({ limit: -1 }), "web");
  assert.equal(await names({ limit: 2 }), "web job");
  assert.equal(await names(selection(["name=o"], { limit: 1 })), "job");
  assert.equal(await names(selection(["status=created"], {})), "old");
  assert.equal(await names(selection(["exited=3"], {})), "");
  assert.equal(await names({ filters: new Map([["status", new Set<string>()]]) }), "web");
});

test("B095 B178 filters that do not exist are refused", async () => {
  for (const [wrong, message] of [
    ["bogus=1", "invalid filter 'bogus'"],
    ["toString=1", "invalid filter 'toString'"],
    ["status=up", "invalid filter 'status=up'"],
    ["health=good", "Unrecognised filter value for health: good"],
    ["exited=x", 'strconv.Atoi: parsing "x": invalid syntax'],
    ["is-task=x", "invalid filter 'is-task=[x]'"],
    ["publish=x", 'error while looking up for publish x: strconv.ParseUint: parsing "x": invalid syntax'],
    ["expose=80-", 'error while looking up for expose 80-: strconv.ParseUint: parsing "": invalid syntax'],
    [
      "publish=80-70000",
      'error while looking up for publish 80-70000: strconv.ParseUint: parsing "70000": value out of range',
    ],
    [
      "publish=90-80",
      "error while looking up for publish 90-80: Invalid range specified for the Port: 90-80",
    ],
    ["publish=/tcp", "error while looking up for publish /tcp: Empty string specified for ports."],
  ] as const) {
    await assert.rejects(
      selectRecords(store, all, selection([wrong])),
      (error) => isFailure(error, "invalid") && error.message === message,
      wrong,
    );
  }
  await assert.rejects(selectRecords(store, all, selection(["before=none"])), {
    kind: "not-found",
    message: "no such container none",
  });
});
