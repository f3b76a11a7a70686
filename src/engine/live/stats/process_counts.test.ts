/** What the kernel's files say of processes in a control group. */
import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { scratch, unlessLinux } from "../../../../test/suites/scratch.ts";
import { countProcesses } from "./process_counts.ts";

function kernel(files: Readonly<Record<string, string>>) {
  const place = scratch("counts");
  const at = (name: string): string => {
    const path = join(place.path, name);
    mkdirSync(dirname(path), { recursive: true });
    return path;
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(at(name), content);
  symlinkSync("socket:[1]", at("proc/7/fd/0"));
  symlinkSync("/dev/null", at("proc/7/fd/1"));
  symlinkSync("socket:[2]", at("proc/8/fd/0"));
  return {
    files: { proc: join(place.path, "proc"), cgroup: join(place.path, "cgroup") },
    [Symbol.dispose]: () => place[Symbol.dispose](),
  };
}

const counted = { processes: 3, fileDescriptors: 3, sockets: 2, oomKills: 4, swap: 5, kernelMemory: 6 };

test(
  "processes and their files on cgroup v2; one that has ended has none",
  { skip: unlessLinux },
  async () => {
    using place = kernel({
      "proc/7/cgroup": "0::/x\n",
      "cgroup/x/cgroup.procs": "7\n8\n9\n",
      "cgroup/x/memory.events": "oom 6\noom_kill 4\n",
      "cgroup/x/memory.swap.current": "5\n",
      "cgroup/x/memory.stat": "anon 1\nkernel 6\nkernel_stack 2\n",
    });
    assert.deepEqual(await countProcesses(7, place.files), counted);
    assert.equal(await countProcesses(70, place.files), undefined);
  },
);

test("processes and their files on cgroup v1", { skip: unlessLinux }, async () => {
  using place = kernel({
    "proc/7/cgroup": "5:memory:/m\n3:pids:/p\n0::/\n",
    "cgroup/pids/p/cgroup.procs": "7\n8\n9\n",
    "cgroup/memory/m/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n",
    "cgroup/memory/m/memory.stat": "swap 1\ntotal_swap 5\n",
    "cgroup/memory/m/memory.kmem.usage_in_bytes": "6\n",
  });
  assert.deepEqual(await countProcesses(7, place.files), counted);
});
