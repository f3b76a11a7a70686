import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { ContainerConfig } from "../../oci/index.ts";
import { applyChanges } from "./apply_changes.ts";

interface Case {
  readonly changes: readonly string[];
  /** What dockerd 20.10 made of it (`docker import -c`), empty values left out; or its error. */
  readonly config?: ContainerConfig;
  readonly error?: string;
}

const fixture = join(import.meta.dirname, "../../../test/fixtures/docker_changes.jsonl");
const cases = readFileSync(fixture, "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as Case);

/** dockerd 20.10 does not take it yet: the instruction here, the modifier anywhere. */
const isNewer = ({ changes }: Case): boolean => /^STOPSIGNAL|\$\{X-d\}/.test(changes.join());

const isEmpty = (value: unknown): boolean =>
  value === null || value === "" || (typeof value === "object" && Object.keys(value).length === 0);

test("B058 B109 every change gives what dockerd gives, or its error", () => {
  assert.ok(cases.length > 150);
  for (const { changes, config, error } of cases.filter((each) => !isNewer(each))) {
    const shown = JSON.stringify(changes);
    if (error !== undefined) {
      assert.throws(() => applyChanges({}, changes), { kind: "invalid", message: error }, shown);
    } else {
      const made = Object.entries(applyChanges({}, changes)).filter(([, value]) => !isEmpty(value));
      assert.deepEqual(Object.fromEntries(made), config, shown);
    }
  }
});

test("changes go on what is there; an entrypoint takes away a command that was not given with it", () => {
  const config: ContainerConfig = {
    Cmd: ["old"],
    Entrypoint: null,
    Env: ["PATH=/bin", "A=1"],
    Labels: { a: "b" },
    ExposedPorts: { "80/tcp": {} },
    Volumes: { "/v": {} },
    OnBuild: ["RUN a"],
    Shell: ["/bin/bash", "-c"],
    WorkingDir: "/srv",
  };
  const before = structuredClone(config);
  const changes = [
    "ENV A=2 B=$A",
    "LABEL c=d",
    "EXPOSE 81",
    "VOLUME /w",
    "ONBUILD RUN b",
    "WORKDIR data",
    "ENTRYPOINT x",
  ];
  assert.deepEqual(applyChanges(config, changes), {
    Cmd: null,
    Entrypoint: ["/bin/bash", "-c", "x"],
    Env: ["PATH=/bin", "A=2", "B=1"],
    Labels: { a: "b", c: "d" },
    ExposedPorts: { "80/tcp": {}, "81/tcp": {} },
    Volumes: { "/v": {}, "/w": {} },
    OnBuild: ["RUN a", "RUN b"],
    Shell: ["/bin/bash", "-c"],
    WorkingDir: "/srv/data",
  });
  assert.deepEqual(config, before, "what was given stays as it was");
  assert.deepEqual(applyChanges(config, ["CMD new", "ENTRYPOINT x"]).Cmd, ["/bin/bash", "-c", "new"]);
  assert.deepEqual(applyChanges(config, []), config);
});

test("STOPSIGNAL is taken; what is no change says which are", () => {
  assert.equal(applyChanges({ Env: ["S=INT"] }, ["STOPSIGNAL SIG$S"]).StopSignal, "SIGINT");
  assert.throws(() => applyChanges({}, ["RUN x"]), { hint: /^These are: CMD, ENTRYPOINT, ENV, / });
});
