import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../errors.ts";
import { exitCodeOfFailure, runtimeFailure } from "./runtime_failure.ts";

const runc = "OCI runtime create failed: runc create failed: unable to start container process: ";
const code = (message: string): number => exitCodeOfFailure(new Failure("internal", message));

test("exit codes are those of docker run: 127 not found, 126 not executable, 125 all else", () => {
  assert.equal(code(`${runc}exec: "nosuch": executable file not found in $PATH: unknown`), 127);
  assert.equal(code(`${runc}exec: "/nosuch": stat /nosuch: no such file or directory: unknown`), 127);
  assert.equal(
    code("OCI runtime create failed: executable file `x` not found in $PATH: No such file or directory"),
    127,
  );
  assert.equal(code(`${runc}exec: "/etc": permission denied: unknown`), 126);
  assert.equal(code("Minimum memory limit allowed is 6MB"), 125);
  assert.equal(exitCodeOfFailure("not even an error"), 125);
});

test("the runtime's words are framed as dockerd frames them", () => {
  const words = (step: "create" | "start", message: string): string =>
    (runtimeFailure(step, new Failure("internal", message)) as Failure).message;
  assert.equal(words("create", `${runc}x`), `failed to create shim task: ${runc}x: unknown`);
  assert.equal(words("start", "OCI runtime start failed: x"), "OCI runtime start failed: x: unknown");
  assert.match(
    words("create", `${runc}error mounting "/etc/passwd" to rootfs at "/tmp": not a directory`),
    /: not a directory: unknown: Are you trying to mount a directory onto a file \(or vice-versa\)\? Check if/,
  );
});

test("other failures pass as they are", () => {
  const failure = new Failure("unavailable", "shim: the connection was closed");
  assert.equal(runtimeFailure("create", failure), failure);
});
