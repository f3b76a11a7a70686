import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../errors.ts";
import { parseMountInfo } from "../sys/index.ts";
import type { OciSpec } from "./oci_spec.ts";
import { rootlessSpec } from "./rootless_spec.ts";
import { isMapped, parseIdMap, type UserNamespace } from "../sys/index.ts";

const single: UserNamespace = {
  uids: [{ first: 0, count: 1 }],
  gids: [{ first: 0, count: 1 }],
  setgroups: false,
};
const range: UserNamespace = {
  uids: parseIdMap("         0       1000          1\n         1     100000      65536\n"),
  gids: parseIdMap("         0       1000          1\n         1     100000      65536\n"),
  setgroups: true,
};

const mounts = parseMountInfo(
  [
    "1 0 8:1 / / rw,relatime - ext4 /dev/sda rw",
    "2 1 0:5 / /srv rw,nosuid,nodev,noexec,noatime - tmpfs t rw",
    "3 1 0:6 / /srv rw,nosuid,relatime - tmpfs t rw",
    "4 1 0:7 / /srvother ro - tmpfs t rw",
  ].join("\n"),
);

function spec(change: { user?: OciSpec["process"]["user"]; network?: boolean; oom?: number } = {}): OciSpec {
  const { user = { uid: 0, gid: 0, additionalGids: [0, 27] }, network = true, oom = 0 } = change;
  return {
    ociVersion: "1.0.2",
    process: { user, args: ["sh"], env: [], cwd: "/", oomScoreAdj: oom },
    root: { path: "/rootfs" },
    mounts: [
      { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
      { destination: "/dev/pts", type: "devpts", source: "devpts", options: ["mode=0620", "gid=5"] },
      { destination: "/data", type: "bind", source: "/srv/none", options: ["rbind", "ro", "rprivate"] },
      { destination: "/etc/hosts", type: "bind", source: "/none/hosts", options: ["rbind"] },
    ],
    linux: {
      sysctl: { "net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": "0 2147483647" },
      resources: { devices: [{ allow: false, access: "rwm" }] },
      cgroupsPath: "/varve-x",
      namespaces: [{ type: "mount" }, ...(network ? [{ type: "network" as const }] : [])],
    },
  };
}

test("ID maps as the kernel writes them", () => {
  assert.deepEqual(parseIdMap("         0      65534          1\n"), single.uids);
  assert.deepEqual(parseIdMap(""), []);
  assert.deepEqual(
    [0, 1, 65_536, 65_537].map((id) => isMapped(id, range.uids)),
    [true, true, true, false],
  );
});

test("without control groups there are no limits, rules for devices or place for them", () => {
  const { linux, process } = rootlessSpec(spec(), single, { mounts });
  assert.deepEqual(linux, {
    sysctl: { "net.ipv4.ip_unprivileged_port_start": "0" },
    namespaces: [{ type: "mount" }, { type: "network" }],
  });
  assert.equal("oomScoreAdj" in process, false);
  assert.equal(rootlessSpec(spec({ oom: 7 }), single, { mounts }).process.oomScoreAdj, 7);
  const warnings: string[] = [];
  const warn = (text: string): void => void warnings.push(text);
  rootlessSpec(spec(), single, { mounts, warn, limits: { oomScoreAdj: 5, memory: 0 } });
  assert.deepEqual(warnings, []);
  rootlessSpec(spec(), single, { mounts, warn, limits: { cpus: 0.5 } });
  assert.match(warnings.join(), /discarded/);
});

test("users and groups must exist; additional groups need setgroups(2)", () => {
  assert.deepEqual(rootlessSpec(spec(), single, { mounts }).process.user, { uid: 0, gid: 0 });
  assert.deepEqual(rootlessSpec(spec(), range, { mounts }).process.user.additionalGids, [0, 27]);
  const refused = (user: OciSpec["process"]["user"], message: RegExp): void =>
    assert.throws(
      () => rootlessSpec(spec({ user }), single, { mounts }),
      (error) =>
        isFailure(error, "unsupported") && message.test(error.message) && /uidmap/.test(error.hint ?? ""),
    );
  refused({ uid: 1000, gid: 0 }, /user 1000: there is no such ID/);
  refused({ uid: 0, gid: 50 }, /group 50: there is no such ID/);
  const user = { uid: 1000, gid: 1000, additionalGids: [1000, 100_000] };
  const kept = rootlessSpec(spec({ user }), range, { mounts }).process.user;
  assert.deepEqual(kept, { uid: 1000, gid: 1000, additionalGids: [1000] });
});

test("mounts: sysfs needs a network of one's own, gid=5 a group, and binds keep what they may not lose", () => {
  const optionsOf = (made: OciSpec): (readonly string[])[] => made.mounts.map(({ options }) => options);
  assert.deepEqual(optionsOf(rootlessSpec(spec(), single, { mounts })), [
    ["nosuid", "noexec", "nodev", "ro"],
    ["mode=0620"],
    // Of the two on /srv the later one is seen.
    ["rbind", "ro", "rprivate", "nosuid", "relatime"],
    ["rbind", "relatime"],
  ]);
  assert.deepEqual(rootlessSpec(spec(), range, { mounts }).mounts[1]?.options, ["mode=0620", "gid=5"]);
  assert.deepEqual(rootlessSpec(spec({ network: false }), single, { mounts }).mounts[0], {
    destination: "/sys",
    type: "bind",
    source: "/sys",
    options: ["rbind", "nosuid", "noexec", "nodev", "ro"],
  });
});
