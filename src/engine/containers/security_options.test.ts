import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultHostConfig } from "./host_config.ts";
import { deviceRulesOf, devicesOf } from "./device_options.ts";
import { readSeccompProfile, type SeccompHost } from "./seccomp_option.ts";
import { parseSecurityOptions, seccompOf, securityOf, securityOnRecord } from "./security_options.ts";

test("B178 security options, in both spellings", () => {
  const plain = { noNewPrivileges: false, seccomp: undefined };
  assert.deepEqual(parseSecurityOptions([]), plain);
  assert.deepEqual(parseSecurityOptions(["label=disable", "apparmor:x", "seccomp=builtin"]), plain);
  assert.deepEqual(parseSecurityOptions(["no-new-privileges", "seccomp:unconfined"]), {
    noNewPrivileges: true,
    seccomp: "unconfined",
  });
  assert.equal(parseSecurityOptions(["no-new-privileges=1"]).noNewPrivileges, true);
  assert.equal(parseSecurityOptions(["no-new-privileges=false"]).noNewPrivileges, false);
  for (const [option, place] of [
    ["foo", 1],
    ["foo=bar", 2],
    ["no-new-privileges=perhaps", 2],
  ] as const)
    assert.throws(() => parseSecurityOptions([option]), {
      kind: "invalid",
      message: `invalid --security-opt ${place}: "${option}"`,
    });
});

const host: SeccompHost = { capabilities: ["CAP_CHOWN"], architecture: "x64", kernel: "6.1.0-13-amd64" };
const names = (syscalls: object[]): string[] => {
  const { syscalls: rules = [] } = readSeccompProfile(JSON.stringify({ syscalls }), host);
  return rules.flatMap((rule) => rule.names);
};

test("B178 a seccomp profile is made for its container", () => {
  const action = "SCMP_ACT_ALLOW";
  const profile = {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 1,
    archMap: [
      { architecture: "SCMP_ARCH_AARCH64", subArchitectures: ["SCMP_ARCH_ARM"] },
      { architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86"] },
    ],
    syscalls: [{ names: ["read"], action, args: [], comment: "", includes: {}, excludes: {} }],
  };
  assert.deepEqual(readSeccompProfile(JSON.stringify(profile), host), {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 1,
    architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
    syscalls: [{ names: ["read"], action }],
  });
  assert.deepEqual(
    names([
      { name: "a", action },
      { names: ["b"], action, includes: { caps: ["CAP_CHOWN"] } },
      { names: ["no"], action, includes: { caps: ["CAP_SYS_ADMIN"] } },
      { names: ["no"], action, excludes: { caps: ["CAP_CHOWN"] } },
      { names: ["c"], action, includes: { arches: ["amd64"] }, excludes: { arches: ["arm64"] } },
      { names: ["no"], action, includes: { arches: ["arm64"] } },
      { names: ["d"], action, includes: { minKernel: "4.8" } },
      { names: ["no"], action, includes: { minKernel: "6.2" } },
      { names: ["no"], action, excludes: { minKernel: "6.1" } },
    ]),
    ["a", "b", "c", "d"],
  );
});

test("B178 what is no profile is refused", () => {
  for (const text of ["{", "[]", "null"])
    assert.throws(() => readSeccompProfile(text, host), /^Failure: Decoding seccomp profile failed: /);
  assert.throws(() => names([{ name: "a", names: ["b"], action: "x" }]), /use either 'name' or 'names'/);
  const both = { architectures: ["SCMP_ARCH_X86"], archMap: [{ architecture: "SCMP_ARCH_X86_64" }] };
  assert.throws(() => readSeccompProfile(JSON.stringify(both), host), /both 'architectures' and 'archMap'/);
  const hostConfig = { ...defaultHostConfig(), SecurityOpt: ["seccomp={"] };
  assert.throws(() => seccompOf(securityOf({}, hostConfig), hostConfig), /Decoding seccomp profile failed/);
});

test("B178 a record tells of its container's options and of its daemon's; options go before", () => {
  const usual = { noNewPrivileges: true, seccomp: "{}" };
  const onRecord = (SecurityOpt: string[] | null, Privileged = false) =>
    securityOnRecord({ ...defaultHostConfig(), SecurityOpt, Privileged }, usual);
  assert.deepEqual(onRecord(null), { NoNewPrivileges: true, SeccompProfile: "{}" });
  assert.deepEqual(onRecord(["seccomp=unconfined", "label=disable"]), {
    NoNewPrivileges: true,
    SeccompProfile: "unconfined",
  });
  assert.deepEqual(onRecord(["seccomp=builtin", "no-new-privileges:false"]), {
    NoNewPrivileges: false,
    SeccompProfile: "",
  });
  assert.deepEqual(onRecord(null, true), { NoNewPrivileges: true, SeccompProfile: "" });
  const none = defaultHostConfig();
  assert.deepEqual(securityOf(onRecord(null), none), usual);
  // As older versions wrote it.
  const own = { ...none, SecurityOpt: ["no-new-privileges", "seccomp=unconfined"] };
  assert.deepEqual(securityOf({ NoNewPrivileges: false, SeccompProfile: "" }, own), {
    noNewPrivileges: true,
    seccomp: "unconfined",
  });
});

test("B178 devices and rules of devices", () => {
  const hostConfig = {
    ...defaultHostConfig(),
    Devices: [
      { PathOnHost: "/dev/a", PathInContainer: "/dev/b", CgroupPermissions: "r" },
      { PathOnHost: "/dev/c", PathInContainer: "", CgroupPermissions: "" },
    ],
    DeviceCgroupRules: ["c 1:3 rm", "a 7:* rwm"],
  };
  assert.deepEqual(devicesOf(hostConfig), [
    { hostPath: "/dev/a", containerPath: "/dev/b", permissions: "r" },
    { hostPath: "/dev/c" },
  ]);
  assert.deepEqual(deviceRulesOf(hostConfig), [
    { allow: true, type: "c", major: 1, minor: 3, access: "rm" },
    { allow: true, type: "c", major: 7, access: "rwm" },
    { allow: true, type: "b", major: 7, access: "rwm" },
  ]);
  for (const rule of ["x", "d 1:1 r", "c 1 r", "c 1:1 rwmr", "c 1:1"])
    assert.throws(() => deviceRulesOf({ ...hostConfig, DeviceCgroupRules: [rule] }), {
      message: `invalid device cgroup rule format: '${rule}'`,
    });
});
