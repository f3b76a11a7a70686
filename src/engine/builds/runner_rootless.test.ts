/** Steps of an ordinary user, in a user namespace such as commands enter before they open the root. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chownSync } from "node:fs";
import { test } from "node:test";
import { cannotStep } from "../../../test/support/step_fixture.ts";
import { scratch } from "../../../test/suites/scratch.ts";

const nobody = "65534";
const toNobody = ["--reuid", nobody, "--regid", nobody, "--clear-groups"];
const namespace = ["unshare", "--user", "--map-root-user", "--mount", "--propagation", "slave"];

function asNobody(program: string, ...args: string[]): ReturnType<typeof spawnSync> {
  const node = [process.execPath, "--input-type=module", "-e", program, ...args];
  const env = { PATH: process.env["PATH"], HOME: "/tmp" };
  return spawnSync("setpriv", [...toNobody, ...namespace, ...node], { encoding: "utf8", env });
}

const at = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);
const fixture = at("../../../test/support/step_fixture.ts");

function cannotRunAsNobody(): string | false {
  const cannot = cannotStep("overlay2");
  if (cannot !== false) return cannot;
  const { status } = asNobody(`await import(${fixture});`);
  return status === 0 ? false : "nobody can make no user namespace, or not read this checkout";
}

const program = `
  import { openWorkspace } from ${at("../../build/workspace.ts")};
  import { prepareMounts } from ${at("../../build/mounts/index.ts")};
  import { makeBase, newStep, signal, tracesOf } from ${fixture};
  import { withSession } from ${at("../../store/index.ts")};
  import { entriesOf } from ${at("../../../test/suites/driver_helpers.ts")};
  import { createStepRunner } from ${at("./runner.ts")};
  const { store, top } = await makeBase(process.argv[1], "overlay2");
  const result = { output: "", layers: [] };
  const onOutput = (stream, chunk) => void (result.output += Buffer.from(chunk).toString());
  await withSession(store, async (session) => {
    const place = { store, session, workingDir: "/", secrets: new Map([["s", { env: "HOME" }]]), sources: async () => ({ top }) };
    const asked = [
      { type: "secret", id: "s" },
      { type: "cache", target: "/root/.cache" },
      { type: "bind", from: "image", source: "etc", target: "/b", readWrite: true },
      { type: "tmpfs", target: "/t" },
    ];
    await using prepared = await prepareMounts(asked, { ...place, signal });
    const { mounts } = prepared;
    for (const network of ["none", "host"]) {
      await using workspace = await openWorkspace(store, session, top, mounts);
      const script = "id -u; cat /run/secrets/s; echo; touch /root/.cache/x /b/x /t/x; echo > /new; rm /etc/group";
      const step = newStep(workspace.path, ["sh", "-c", script]);
      await createStepRunner(store).run({ ...step, mounts, network, onOutput });
      result.layers.push(await entriesOf(workspace.diff({ signal })));
    }
  });
  console.log(JSON.stringify({ ...result, traces: tracesOf(store.root, []) }));`;

test(
  "an ordinary user's steps run with their mounts, with and without network",
  { skip: cannotRunAsNobody() },
  () => {
    using root = scratch("rootless");
    chownSync(root.path, Number(nobody), Number(nobody));
    const { stdout, stderr } = asNobody(program, root.path);
    assert.equal(stderr, "");
    const layer = ["directory etc/", "file etc/.wh.group", "file new"];
    assert.deepEqual(JSON.parse(String(stdout)), {
      output: "0\n/tmp\n0\n/tmp\n",
      layers: [layer, layer],
      traces: [],
    });
  },
);
