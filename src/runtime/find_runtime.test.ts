import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { isFailure } from "../errors.ts";
import { findInit, findRuntime, findRuntimeProgram } from "./find_runtime.ts";

/** A directory of programs that print what they are told to. */
function programs(t: TestContext, outputs: Record<string, string>): string {
  const directory = mkdtempSync(join(tmpdir(), "varve-path-"));
  t.after(() => rmSync(directory, { recursive: true }));
  for (const [name, output] of Object.entries(outputs)) {
    writeFileSync(join(directory, name), `#!/bin/sh\ncat <<'EOF'\n${output}\nEOF\n`);
    chmodSync(join(directory, name), 0o755);
  }
  return directory;
}

const shim = { "containerd-shim-runc-v2": "" };

test("finds the shim and runc before crun, with its version", async (t) => {
  const path = programs(t, {
    ...shim,
    runc: "runc version 1.1.5+ds1\ncommit: 1.1.5\nspec: 1.0.2-dev",
    crun: "crun version 1.8.1\nspec: 1.0.0",
  });
  const found = await findRuntime({ path: [path] });
  assert.deepEqual(found, {
    shim: join(path, "containerd-shim-runc-v2"),
    runtime: join(path, "runc"),
    name: "runc",
    version: "1.1.5+ds1",
  });
  assert.equal((await findRuntime({ path: [path], runtime: "crun" })).version, "1.8.1");
  assert.equal((await findRuntime({ path: [path], runtime: join(path, "crun") })).name, "crun");
});

test("a runtime that was asked for is taken, whatever it says", async (t) => {
  const path = programs(t, { ...shim, runsc: "runsc version release-20260101.0\nspec: 1.1.0", mute: "" });
  const asked = async (runtime: string) => {
    const { name, version } = await findRuntime({ path: [path], runtime });
    return [name, version];
  };
  assert.deepEqual(await asked("runsc"), ["runsc", "release-20260101.0"]);
  assert.deepEqual(await asked("mute"), ["mute", ""]);
});

test("a program says its version once, and another in its place says its own", async (t) => {
  const path = programs(t, shim);
  const [runc, asked] = [join(path, "runc"), join(path, "asked")];
  const put = (version: string): void => {
    rmSync(runc, { force: true });
    writeFileSync(runc, `#!/bin/sh\necho ${version} >> ${asked}\necho runc version ${version}\n`, {
      mode: 0o755,
    });
  };
  const version = async (): Promise<string> => (await findRuntime({ path: [path] })).version;
  put("1.1");
  assert.deepEqual([await version(), await version()], ["1.1", "1.1"]);
  put("1.2.3");
  assert.equal(await version(), "1.2.3");
  assert.equal(readFileSync(asked, "utf8"), "1.1\n1.2.3\n");
});

test("what is missing is named, with the way to get it", async (t) => {
  const refused = async (path: string, message: string, runtime?: string): Promise<void> =>
    assert.rejects(findRuntime({ path: [path], ...(runtime === undefined ? {} : { runtime }) }), (error) => {
      assert.ok(isFailure(error, "unsupported"));
      assert.equal(error.message, message);
      assert.match(error.hint ?? "", /apt-get install containerd runc/);
      return true;
    });
  await refused(
    programs(t, {}),
    "run containers: containerd-shim-runc-v2 and runc or crun not found in PATH",
  );
  await refused(programs(t, shim), "run containers: runc or crun not found in PATH");
  await refused(programs(t, shim), "run containers: youki not found in PATH", "youki");
});

test("the runtime alone is found without a shim, and not run", async (t) => {
  const path = programs(t, { crun: "" });
  assert.equal(await findRuntimeProgram({ path: [path] }), join(path, "crun"));
  await assert.rejects(findRuntimeProgram({ path: [] }), (error) => {
    assert.equal((error as Error).message, "run containers: runc or crun not found in PATH");
    return isFailure(error, "unsupported");
  });
});

test("a runtime that is neither runc nor crun is refused", async (t) => {
  const path = programs(t, { ...shim, runc: "something else 1.0" });
  await assert.rejects(
    findRuntime({ path: [path] }),
    /neither runc nor crun, it says "something else 1.0\\n"/,
  );
});

test("an init program is found, or missed in Docker's words", async (t) => {
  const path = programs(t, { catatonit: "" });
  assert.equal(await findInit(undefined, [path]), join(path, "catatonit"));
  assert.equal(await findInit("catatonit", [path]), join(path, "catatonit"));
  assert.equal(await findInit("/nonexistent/init", []), "/nonexistent/init");
  await assert.rejects(findInit("own", [path]), {
    message: 'exec: "own": executable file not found in $PATH',
  });
  await assert.rejects(findInit(undefined, []), {
    message: 'exec: "docker-init": executable file not found in $PATH',
  });
});
