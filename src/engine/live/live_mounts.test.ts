/** What a container that lives on has mounted, as the kernel sees it. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { signal } from "../../../test/support/engine_fixture.ts";
import { cannotLive, liveMachine, type LiveMachine } from "../../../test/support/live_machine.ts";
import { knowsRecursiveReadOnly } from "../system/recursive_read_only.ts";

suite("mounts of containers that live on", { skip: cannotLive }, () => {
  let host: LiveMachine;
  before(async () => void (host = await liveMachine()));
  after(() => host[Symbol.dispose]());

  test("a bind of the root, or of what it lies in, follows what containers mount there", async () => {
    await using live = host.supervisor();
    const { ID } = await host.create("test -d /r/overlay2 -a -d /all/proc", {
      hostConfig: { Binds: [`${host.root}:/r`, "/:/all:ro", "/dev:/d"] },
    });
    const kinds = Object.values(host.record(ID).MountPoints ?? {}).map(({ Propagation }) => Propagation);
    assert.deepEqual(kinds, ["rslave", "rslave", "rprivate"]);
    await live.start(ID);
    assert.equal((await live.wait(ID, "not-running", signal)).exitCode, 0);
    await live.remove(ID);
    for (const mode of ["private", "rprivate", "slave", "shared"]) {
      const Binds = [`${host.root}/overlay2:/r:${mode}`];
      await assert.rejects(host.create("true", { hostConfig: { Binds } }), {
        kind: "invalid",
        message: /must use either propagation mode "rslave" or "rshared"/,
      });
    }
  });

  test("what is mounted below a read-only mount is read-only, unless somebody wants it as it is", async (t) => {
    if (!(await knowsRecursiveReadOnly()))
      return t.skip("kernel or runtime make only mounts themselves read-only");
    const Source = join(host.root, "outer");
    const below = join(Source, "below");
    mkdirSync(below, { recursive: true });
    execFileSync("mount", ["-t", "tmpfs", "none", below]);
    try {
      await using live = host.supervisor();
      const flat = { ReadOnlyNonRecursive: true };
      const { ID } = await host.create("touch /a/below/x && exit 1; touch /b/below/y", {
        hostConfig: {
          Binds: [`${Source}:/a:ro`],
          Mounts: [{ Type: "bind", Source, Target: "/b", ReadOnly: true, BindOptions: flat }],
        },
      });
      await live.start(ID);
      assert.equal((await live.wait(ID, "not-running", signal)).exitCode, 0);
      assert.deepEqual(readdirSync(below), ["y"]);
      await live.remove(ID);
    } finally {
      execFileSync("umount", ["-l", below]);
    }
  });
});
