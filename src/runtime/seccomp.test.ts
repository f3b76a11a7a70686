import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultCapabilities } from "./capabilities.ts";
import { seccompProfile } from "./seccomp.ts";
import type { OciSeccomp } from "./oci_spec.ts";

const allowed = (profile: OciSeccomp): Set<string> =>
  new Set(profile.syscalls?.filter((rule) => rule.action === "SCMP_ACT_ALLOW").flatMap((rule) => rule.names));
const ruleOf = (profile: OciSeccomp, name: string): object | undefined =>
  profile.syscalls?.find((rule) => rule.names.includes(name));

test("a container of the default capabilities may use 346 calls and what they and the machine add", () => {
  const names = allowed(seccompProfile(defaultCapabilities, "x64"));
  // personality, ptrace, clone under conditions; chroot by CAP_SYS_CHROOT; two calls of x86.
  assert.equal(names.size, 346 + 3 + 1 + 2);
  for (const name of ["read", "openat2", "chroot", "arch_prctl"]) assert.ok(names.has(name), name);
  for (const name of [
    "mount",
    "bpf",
    "unshare",
    "setns",
    "keyctl",
    "kexec_load",
    "userfaultfd",
    "reboot",
    "clone3",
  ])
    assert.ok(!names.has(name), name);
});

test("clone may not make namespaces, clone3 is as if it did not exist", () => {
  const profile = seccompProfile([], "x64");
  const args = [{ index: 0, value: 0x7e020000, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }];
  assert.deepEqual(ruleOf(profile, "clone"), { names: ["clone"], action: "SCMP_ACT_ALLOW", args });
  assert.deepEqual(ruleOf(profile, "clone3"), { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38 });
});

test("a capability opens its calls", () => {
  const none = allowed(seccompProfile([], "x64"));
  const added = (capability: string): string[] =>
    [...allowed(seccompProfile([capability], "x64"))].filter((name) => !none.has(name)).sort();
  assert.deepEqual(added("CAP_SYS_TIME"), ["clock_settime", "settimeofday", "stime"]);
  assert.deepEqual(added("CAP_SYSLOG"), ["syslog"]);
  assert.deepEqual(added("CAP_NET_ADMIN"), []);
  assert.equal(added("CAP_SYS_ADMIN").length, 23);
  const admin = seccompProfile(["CAP_SYS_ADMIN"], "x64");
  assert.deepEqual(ruleOf(admin, "clone"), ruleOf(admin, "unshare"), "no condition on clone");
});

test("arm64 has its own calls and not those of x86", () => {
  const profile = seccompProfile([], "arm64");
  assert.deepEqual(profile.architectures, ["SCMP_ARCH_ARM", "SCMP_ARCH_AARCH64"]);
  const names = allowed(profile);
  assert.ok(names.has("set_tls") && names.has("sync_file_range2"));
  assert.ok(!names.has("arch_prctl") && !names.has("modify_ldt"));
});
