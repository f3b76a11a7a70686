/** Images that Kubernetes has mounted in containers (its image volumes). */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { criMachine, type CriMachine } from "../../test/support/cri_machine.ts";
import { cannotLive } from "../../test/support/live_machine.ts";
import * as p from "./protocol/index.ts";

const idle = "trap 'exit 0' TERM; while :; do sleep 0.1; done";
const image = { image: "base:1" };

suite("images as mounts of pods' containers", { skip: cannotLive }, () => {
  let host: CriMachine;
  let pod: string;
  before(async () => {
    host = await criMachine("none");
    pod = await host.sandbox("images");
  });
  after(() => host[Symbol.asyncDispose]());

  test("whole or a part, read-only, also when another server comes", async () => {
    const mounts = [
      { containerPath: "/image", readOnly: true, image },
      { containerPath: "/part", readOnly: true, image, imageSubPath: "bin" },
    ];
    const containerId = await host.run(pod, "one", idle, { mounts });
    await host.restart();
    const cmd = ["sh", "-c", "ls /image/bin > /tmp/a; ls /part > /tmp/b; cmp /tmp/a /tmp/b; touch /part/x"];
    const answer = await host.call("ExecSync", p.ExecSyncRequest, p.ExecSyncResponse, { containerId, cmd });
    assert.equal(`${Buffer.from(answer.stdout)}`, "");
    assert.equal(`${Buffer.from(answer.stderr)}`, "touch: /part/x: Read-only file system\n");
    const shown = (await host.status(containerId)).mounts;
    assert.deepEqual(
      shown.map((mount) => [mount.containerPath, mount.image?.image, mount.imageSubPath]),
      [
        ["/image", "base:1", ""],
        ["/part", "base:1", "bin"],
      ],
    );
  });

  test("what is no such mount is refused", async () => {
    for (const [wrong, code] of [
      [{ hostPath: "/" }, 3],
      [{ imageSubPath: "../x" }, 3],
      [{ image: { image: "nothing:1" } }, 5],
    ] as const) {
      const mounts = [{ containerPath: "/image", image, ...wrong }];
      await assert.rejects(host.create(pod, "two", idle, { mounts }), { code });
    }
  });
});
