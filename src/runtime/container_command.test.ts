import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../errors.ts";
import type { ContainerConfig } from "../oci/index.ts";
import {
  containerArgs,
  containerEnv,
  mergeCommand,
  mergeEnv,
  type CommandChoice,
} from "./container_command.ts";

const both = { Entrypoint: ["entry"], Cmd: ["cmd", "1"] };
const onlyCmd = { Cmd: ["cmd", "1"] };

const cases: [image: ContainerConfig, choice: CommandChoice, args: string[]][] = [
  [both, {}, ["entry", "cmd", "1"]],
  [both, { command: ["mine"] }, ["entry", "mine"]],
  [both, { entrypoint: ["other"] }, ["other"]],
  [both, { entrypoint: ["other"], command: ["mine"] }, ["other", "mine"]],
  [both, { entrypoint: [""], command: ["mine"] }, ["mine"]],
  [both, { entrypoint: [], command: ["mine"] }, ["mine"]],
  [onlyCmd, {}, ["cmd", "1"]],
  [onlyCmd, { command: ["mine"] }, ["mine"]],
  [{ Entrypoint: null, Cmd: null }, { command: ["mine"] }, ["mine"]],
  [{}, { command: [""] }, [""]],
];

test("entrypoint and command merge as under dockerd", () => {
  for (const [image, choice, args] of cases)
    assert.deepEqual(containerArgs(image, choice), args, JSON.stringify([image, choice]));
});

test("an entrypoint of the user's takes the image's Cmd away in inspect as well", () => {
  assert.deepEqual(mergeCommand(both, { entrypoint: ["x"] }), { entrypoint: ["x"], command: [] });
  assert.deepEqual(mergeCommand(both, { entrypoint: [""] }), { entrypoint: [], command: [] });
});

test("nothing to run is refused in Docker's words", () => {
  const nothing: [ContainerConfig, CommandChoice][] = [
    [{}, {}],
    [both, { entrypoint: [""] }],
  ];
  for (const [image, choice] of nothing)
    assert.throws(
      () => containerArgs(image, choice),
      (error) => isFailure(error, "invalid") && error.message === "No command specified",
    );
});

const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Each expectation was read from a config.json of dockerd 20.10. */
test("the environment has dockerd's order", () => {
  const image = ["PATH=/x:/bin", "A=img", "B=img"];
  const env = (user: string[], terminal: boolean, of = image): readonly string[] =>
    containerEnv({ image: of, user, hostname: "h0", terminal });
  assert.deepEqual(env([], false, []), [path, "HOSTNAME=h0"]);
  assert.deepEqual(env([], true, []), [path, "HOSTNAME=h0", "TERM=xterm"]);
  assert.deepEqual(env(["A=1", "PATH=/bin"], false, []), ["PATH=/bin", "HOSTNAME=h0", "A=1"]);
  const mixed = env(["B=user", "C=1", "TERM=foo", "NOTSET", "A"], true);
  assert.deepEqual(mixed, ["PATH=/x:/bin", "HOSTNAME=h0", "TERM=foo", "B=user", "C=1"]);
  assert.deepEqual(env(["HOSTNAME=h", "B"], false), ["PATH=/x:/bin", "HOSTNAME=h", "A=img"]);
});

test("inspect shows the user's variables before those of the image", () => {
  assert.deepEqual(mergeEnv(["A=img", "B=img"], ["C=1", "B=user", "D"]), ["C=1", "B=user", "D", "A=img"]);
});
