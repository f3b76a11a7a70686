/** Users and groups of containers, as Kubernetes has them (its enhancement 3619). */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { criMachine } from "../../test/support/cri_machine.ts";
import { cannotLive } from "../../test/support/live_machine.ts";
import type { Write } from "../rpc/index.ts";
import * as p from "./protocol/index.ts";

const idle = "trap 'exit 0' TERM; while :; do sleep 0.1; done";

suite("users of containers", { skip: cannotLive }, () => {
  test("the image's groups are joined to those that are given, but for the strict policy", async () => {
    await using host = await criMachine("none");
    const status = await host.call("Status", p.StatusRequest, p.StatusResponse, {});
    assert.equal(status.features?.supplementalGroupsPolicy, true);
    const pod = await host.sandbox("users");
    // In the image jo is 1000, of the group 1001, and a member of the group 26.
    const cases: [Write<typeof p.ContainerSecurity>, gid: number, groups: number[]][] = [
      [{ runAsUser: 1000 }, 1001, [1001, 26, 77]],
      [{ runAsUser: 1000, runAsGroup: 5 }, 5, [5, 26, 77]],
      [{ runAsUser: 1000, groupsPolicy: p.groupsPolicies.strict }, 1001, [1001, 77]],
    ];
    for (const [index, [security, gid, groups]] of cases.entries()) {
      const id = await host.run(pod, `c${index}`, idle, {
        linux: { security: { ...security, supplementalGroups: [77] } },
      });
      assert.deepEqual((await host.status(id)).user?.linux, { uid: 1000, gid, groups });
      const request = { containerId: id, cmd: ["grep", "Groups:", "/proc/self/status"] };
      const { stdout } = await host.call("ExecSync", p.ExecSyncRequest, p.ExecSyncResponse, request);
      const found = Buffer.from(stdout).toString().split(/\s+/).filter(Number).map(Number);
      assert.deepEqual(
        found,
        groups.toSorted((a, b) => a - b),
      );
      await host.call("StopContainer", p.StopContainerRequest, p.Nothing, { containerId: id });
      assert.equal((await host.status(id)).user, undefined);
    }
  });
});
