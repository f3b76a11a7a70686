import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerSummary, Engine } from "../../engine/index.ts";
import { isFailure } from "../../errors.ts";
import { selectContainers } from "./select_containers.ts";

const plain: ContainerSummary = {
  id: "",
  name: "",
  image: "base:1",
  imageId: "sha256:1",
  command: "sh",
  created: "2026-01-01T00:00:00Z",
  status: "running",
  ports: [],
  exitCode: 0,
  startedAt: "",
  finishedAt: "",
  labels: {},
  network: "bridge",
  mounts: [],
};

/** Newest first. */
const all: readonly ContainerSummary[] = [
  {
    ...plain,
    id: "c3",
    name: "web",
    labels: { a: "1=2", b: "" },
    ports: [{ port: 80, protocol: "tcp", address: "0.0.0.0", hostPort: 8080 }],
    network: "bridge,front",
    health: "healthy",
  },
  { ...plain, id: "b2", name: "job", status: "exited", exitCode: 3, labels: { a: "1=2" }, mounts: ["data"] },
  { ...plain, id: "a1", name: "old", status: "created", imageId: "sha256:2", network: "none" },
];

const engine = {
  containers: {
    imageFamily: async (name: string) => new Set(name === "base:2" ? ["sha256:2"] : ["sha256:1"]),
  },
} as unknown as Engine;

test("B095 containers are kept by filters: one key's values are alternatives, labels must all be there", async () => {
  for (const [filters, names] of [
    [[], "web job old"],
    [["status=exited", "status=created"], "job old"],
    [["status=exited", "name=web"], ""],
    [["name=^/we"], "web"],
    [["name=("], ""],
    [["id=b"], "job"],
    [["exited=3", "exited=4"], "job"],
    [["label=a=1=2"], "web job"],
    [["label=a", "label=b"], "web"],
    [["label=toString"], ""],
    [["ancestor=base:2"], "old"],
    [["network=front", "network=none"], "web old"],
    [["volume=data"], "job"],
    [["publish=8080"], "web"],
    [["publish=80"], ""],
    [["expose=70-90/tcp"], "web"],
    [["expose=80/udp"], ""],
    [["health=healthy"], "web"],
    [["is-task=true"], ""],
    [["before=web"], "job old"],
    [["since=a1"], "web job"],
    [["since=old", "before=web"], "job"],
  ] as const) {
    const found = await selectContainers(engine, filters, all);
    assert.equal(found.map(({ name }) => name).join(" "), names, filters.join(" "));
  }
});

test("B095 filters that do not exist are refused", async () => {
  for (const wrong of ["bogus=1", "name", "status=up", "health=good", "publish=x"]) {
    await assert.rejects(
      selectContainers(engine, [wrong], all),
      (error) => isFailure(error, "invalid"),
      wrong,
    );
  }
  await assert.rejects(selectContainers(engine, ["before=none"], all), /^Failure: no such container none$/);
});
