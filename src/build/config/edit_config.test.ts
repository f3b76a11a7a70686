/** docker_configs.jsonl: what dockerd 20.10 made of `FROM scratch`, `ENV Z=z` and the lines of `body`, or its error. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { expandWord, expandWords, parseDockerfile } from "../../dockerfile/index.ts";
import type { ContainerConfig } from "../../oci/index.ts";
import { editConfig, setsCommand } from "./edit_config.ts";

interface Case {
  readonly body: string;
  readonly config?: ContainerConfig;
  readonly error?: string;
}

const fixture = join(import.meta.dirname, "../../../test/fixtures/docker_configs.jsonl");
const cases = readFileSync(fixture, "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as Case);

/** What dockerd adds to an image that begins from nothing. */
const start: ContainerConfig = {
  Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "Z=z"],
};

function build(body: string, config: ContainerConfig = start): ContainerConfig {
  const instructions = parseDockerfile(`FROM scratch\n${body}\n`).stages[0]?.instructions ?? [];
  let commandSet = false;
  return instructions.reduce((before, instruction) => {
    const lookup = (name: string): string | undefined =>
      before.Env?.find((variable) => variable.startsWith(`${name}=`))?.slice(name.length + 1);
    const after = editConfig(before, instruction, {
      word: (text) => expandWord(text, lookup),
      words: (text) => expandWords(text, lookup),
      commandSet,
    });
    commandSet ||= setsCommand(instruction);
    return after;
  }, config);
}

const isEmpty = (value: unknown): boolean =>
  value === null || value === "" || (typeof value === "object" && Object.keys(value).length === 0);

test("B064 B070 B071 each instruction does to the config what dockerd does, or is refused in its words", () => {
  assert.ok(cases.length > 80);
  for (const { body, config, error } of cases) {
    if (error === undefined) {
      const made = Object.entries(build(body)).filter(([, value]) => !isEmpty(value));
      assert.deepEqual(Object.fromEntries(made), config, body);
    } else {
      // The docker command drops blanks at the end.
      const said = (thrown: Error & { kind?: string }): boolean =>
        thrown.kind === "invalid" && thrown.message.trimEnd() === error;
      assert.throws(() => build(body), said, body);
    }
  }
});

test("what was given stays as it was, and what is not about the config changes nothing", () => {
  const config: ContainerConfig = {
    ...start,
    Cmd: ["old"],
    Labels: { a: "b" },
    ExposedPorts: { "80/tcp": {} },
    Volumes: { "/v": {} },
    OnBuild: ["RUN a"],
    ArgsEscaped: true,
  };
  const before = structuredClone(config);
  const body = "ENV Z=y\nLABEL c=d\nEXPOSE 81\nVOLUME /w\nONBUILD RUN b\nENTRYPOINT x";
  assert.deepEqual(build(body, config), {
    Env: [start.Env?.[0], "Z=y"],
    Cmd: null,
    Entrypoint: ["/bin/sh", "-c", "x"],
    Labels: { a: "b", c: "d" },
    ExposedPorts: { "80/tcp": {}, "81/tcp": {} },
    Volumes: { "/v": {}, "/w": {} },
    OnBuild: ["RUN a", "RUN b"],
  });
  assert.deepEqual(config, before);
  assert.equal(build("ARG A=b\nMAINTAINER x\nCOPY a b\nADD a b\nRUN x", config), config);
});

test("HEALTHCHECK --start-interval, which dockerd 20.10 does not know", () => {
  assert.deepEqual(build("HEALTHCHECK --start-interval=2s CMD x").Healthcheck, {
    Test: ["CMD-SHELL", "x"],
    StartInterval: 2e9,
  });
});
