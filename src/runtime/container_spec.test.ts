import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { isFailure } from "../errors.ts";
import { containerHostname, containerSpec, type SpecOptions } from "./container_spec.ts";
import type { HostCgroups } from "./host_cgroups.ts";
import type { OciSpec } from "./oci_spec.ts";

const id = "0123456789abcdef".repeat(4);
const rootfs = mkdtempSync(join(tmpdir(), "varve-spec-"));
after(() => rmSync(rootfs, { recursive: true }));
mkdirSync(join(rootfs, "etc"));
writeFileSync(
  join(rootfs, "etc/passwd"),
  "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/sbin/nologin\n",
);
// The groups that name root in the image with which the fixtures were made.
const rootGroups = [1, 2, 3, 4, 6, 10, 11, 20, 26, 27].map((gid) => `g${gid}:x:${gid}:root\n`).join("");
writeFileSync(join(rootfs, "etc/group"), `root:x:0:root\n${rootGroups}nobody:x:65534:\n`);

const container = `/var/lib/docker/containers/${id}`;
const basic: SpecOptions = {
  id,
  rootfs,
  image: {},
  command: ["sleep", "100"],
  network: "private",
  host: {
    version: 1,
    swapLimit: true,
    swappiness: true,
    realtime: true,
    deviceRates: true,
    deviceWeights: false,
    cpus: 2,
    onlineCpus: "0-1",
    onlineMems: "0",
  },
  files: {
    hosts: `${container}/hosts`,
    hostname: `${container}/hostname`,
    resolvConf: `${container}/resolv.conf`,
  },
};

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Every leaf of a spec by its path; mounts and seccomp rules by what they are about, not by their order. */
function leaves(value: Json, path = "", found = new Map<string, string>()): Map<string, string> {
  if (value === null || typeof value !== "object") found.set(path, JSON.stringify(value));
  else
    for (const [key, child] of Object.entries(value)) {
      const entry = child as { destination?: string } | null;
      const name = Array.isArray(value) && entry?.destination ? entry.destination : key;
      leaves(child, `${path}/${name}`, found);
    }
  return found;
}

function rulesOf(spec: OciSpec): string[] {
  const rules = spec.linux.seccomp?.syscalls ?? [];
  return rules
    .flatMap(({ names, action, errnoRet, args = [] }) => {
      const conditions = args.map(({ index, value, valueTwo = 0, op }) => [index, value, valueTwo, op]);
      return names.map((name) => JSON.stringify([name, action, errnoRet, conditions]));
    })
    .sort();
}

/** The leaves in which we differ from what dockerd 20.10.24 wrote: [path, docker's, ours]. */
function differences(
  fixture: string,
  options: Partial<SpecOptions>,
): (readonly [string, ...(string | undefined)[]])[] {
  const text = readFileSync(join(import.meta.dirname, "fixtures", fixture), "utf8");
  const docker = JSON.parse(text) as OciSpec & Record<string, Json>;
  const ours = JSON.parse(JSON.stringify(containerSpec({ ...basic, ...options }))) as typeof docker;
  if (docker.linux.seccomp !== undefined) assert.deepEqual(rulesOf(ours), rulesOf(docker));
  const [theirs, mine] = [docker, ours].map((spec) => {
    const all = leaves(spec);
    for (const path of all.keys()) if (path.startsWith("/linux/seccomp/syscalls")) all.delete(path);
    return all;
  }) as [Map<string, string>, Map<string, string>];
  const paths = new Set([...theirs.keys(), ...mine.keys()]);
  return [...paths]
    .filter((path) => theirs.get(path) !== mine.get(path))
    .map((path) => [path, theirs.get(path), mine.get(path)] as const);
}

/** All that is meant to differ, see the head of container_spec.ts. */
const meant = [
  ["/ociVersion", '"1.0.2-dev"', '"1.0.2"'],
  ["/root/path", '"/rootfs"', JSON.stringify(rootfs)],
  ["/linux/cgroupsPath", `"/docker/${id}"`, `"/varve-${id}"`],
  ["/linux/maskedPaths/10", undefined, '"/sys/devices/virtual/powercap"'],
] as const;
const noBlockIo = ["/linux/resources/blockIO/weight", "0", undefined] as const;
const noShares = ["/linux/resources/cpu/shares", "0", undefined] as const;

const sorted = (rows: readonly (readonly (string | undefined)[])[]): unknown[] =>
  [...rows].sort((a, b) => String(a[0]).localeCompare(String(b[0])));

const x64 = process.arch === "x64" ? false : "the fixture's seccomp profile was written on x64";

test("a plain container's config.json is dockerd's, but for what is meant to differ", { skip: x64 }, () => {
  const found = differences("dockerd_20_10_default.json", {});
  assert.deepEqual(sorted(found), sorted([...meant, noBlockIo, noShares]));
});

test("limits, ulimits, sysctls and the size of /dev/shm are dockerd's", () => {
  const limits = {
    memory: 64 << 20,
    memorySwap: 128 << 20,
    memoryReservation: 32 << 20,
    cpus: 0.5,
    cpuShares: 512,
    cpusetCpus: "0",
    pids: 50,
    oomScoreAdj: 100,
    oomKillDisable: true,
  };
  const found = differences("dockerd_20_10_limits.json", {
    limits,
    ulimits: [{ name: "nofile", soft: 100, hard: 200 }],
    sysctls: { "net.ipv4.ip_forward": "1" },
    shmSize: 32 << 20,
    seccomp: "unconfined",
  });
  assert.deepEqual(sorted(found), sorted([...meant, noBlockIo]));
});

test("B012: --read-only with tmpfs and binds is dockerd's", () => {
  const found = differences("dockerd_20_10_read_only.json", {
    readOnly: true,
    tmpfs: { "/tmp": "", "/run": "size=10m,mode=700" },
    binds: [
      { source: "/srv/data", destination: "/data", readOnly: true },
      { source: "/srv/data", destination: "/data2" },
    ],
    seccomp: "unconfined",
  });
  assert.deepEqual(sorted(found), sorted([...meant, noBlockIo, noShares]));
});

test("user, directory, environment and names are dockerd's", () => {
  const found = differences("dockerd_20_10_user.json", {
    user: "nobody",
    workingDir: "/var/lib",
    env: ["A=1", "PATH=/bin"],
    hostname: "myhost",
    domainname: "dom.x",
    seccomp: "unconfined",
  });
  assert.deepEqual(sorted(found), sorted([...meant, noBlockIo, noShares]));
});

test("namespaces follow the choices, private cgroups are the default of v2 only", () => {
  const types = (options: Partial<SpecOptions>): string[] =>
    containerSpec({ ...basic, ...options }).linux.namespaces.map(({ type, path }) =>
      path ? `${type}=${path}` : type,
    );
  assert.deepEqual(types({}), ["mount", "network", "uts", "pid", "ipc"]);
  assert.deepEqual(types({ network: "host", pid: "host", uts: "host", ipc: "host" }), ["mount"]);
  assert.deepEqual(types({ network: { path: "/run/netns/x" } }), [
    "mount",
    "network=/run/netns/x",
    "uts",
    "pid",
    "ipc",
  ]);
  const v2 = { ...basic.host, version: 2 } as HostCgroups;
  assert.deepEqual(types({ host: v2 }), ["mount", "network", "uts", "pid", "ipc", "cgroup"]);
  assert.deepEqual(types({ host: v2, privileged: true }), ["mount", "network", "uts", "pid", "ipc"]);
});

test("in a parent that is named a container's control group has its ID, as Docker's", () => {
  const path = (cgroupParent: string): unknown =>
    containerSpec({ ...basic, id: "x", cgroupParent }).linux.cgroupsPath;
  assert.deepEqual(["/a/b", "/a/", "/"].map(path), ["/a/b/x", "/a/x", "/x"]);
});

test("the host's network brings the host's name and no sysctl", () => {
  const spec = containerSpec({ ...basic, network: "host" });
  assert.equal(spec.hostname, hostname());
  assert.ok(spec.process.env.includes(`HOSTNAME=${hostname()}`));
  assert.deepEqual(spec.linux.sysctl, {});
  assert.equal(containerHostname({ id, network: "private" }), "0123456789ab");
});

test("a seccomp profile that was asked for guards what is privileged, too", () => {
  const seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [] };
  assert.deepEqual(containerSpec({ ...basic, privileged: true, seccomp }).linux.seccomp, seccomp);
});

test("privileged takes the guards away", () => {
  const spec = containerSpec({ ...basic, privileged: true });
  assert.deepEqual(
    [spec.linux.seccomp, spec.linux.maskedPaths, spec.linux.readonlyPaths],
    [undefined, undefined, undefined],
  );
  assert.deepEqual(spec.linux.resources?.devices, [{ allow: true, access: "rwm" }]);
  assert.ok(spec.linux.devices?.some((device) => device.path === "/dev/null" && device.major === 1));
  assert.ok(!spec.linux.devices?.some((device) => device.path.startsWith("/dev/pts/")));
});

test("--init runs the command under a mounted init", () => {
  const spec = containerSpec({ ...basic, init: "/usr/bin/docker-init" });
  assert.deepEqual(spec.process.args, ["/sbin/docker-init", "--", "sleep", "100"]);
  assert.deepEqual(
    spec.mounts.find((mount) => mount.destination === "/sbin/docker-init"),
    {
      destination: "/sbin/docker-init",
      type: "bind",
      source: "/usr/bin/docker-init",
      options: ["bind", "ro"],
    },
  );
});

test("a ulimit below zero is none, in 64 bits", () => {
  const ulimits = [{ name: "core", soft: 5, hard: -1 }];
  const { rlimits } = containerSpec({ ...basic, ulimits }).process;
  assert.deepEqual(rlimits, [{ type: "RLIMIT_CORE", soft: 5, hard: 18446744073709551615n }]);
});

test("/dev/shm is the container's own, the host's, another's, or none", () => {
  const shm = (options: Partial<SpecOptions>): string | undefined =>
    containerSpec({ ...basic, ...options }).mounts.find(({ destination }) => destination === "/dev/shm")
      ?.source;
  assert.equal(shm({}), "shm");
  assert.equal(shm({ ipc: "host" }), "/dev/shm");
  assert.equal(shm({ ipc: { path: "/proc/1/ns/ipc" }, sharedMemory: { path: "/run/its" } }), "/run/its");
  assert.equal(shm({ sharedMemory: "none" }), undefined);
});

test("devices are taken from the host", () => {
  const devices = [{ hostPath: "/dev/null", containerPath: "/dev/nothing", permissions: "r" }];
  const { linux } = containerSpec({ ...basic, devices });
  const [device] = linux.devices ?? [];
  assert.deepEqual([device?.path, device?.type, device?.major, device?.minor], ["/dev/nothing", "c", 1, 3]);
  assert.deepEqual(linux.resources?.devices.at(-1), {
    allow: true,
    type: "c",
    major: 1,
    minor: 3,
    access: "r",
  });
});

test("a hostile image cannot make us read the host's accounts", () => {
  const hostile = mkdtempSync(join(tmpdir(), "varve-hostile-"));
  after(() => rmSync(hostile, { recursive: true }));
  mkdirSync(join(hostile, "etc"));
  // "daemon" is in every host's own file.
  symlinkSync("../../../../../../../../etc/passwd", join(hostile, "etc/passwd"));
  const refused = (user: string): void =>
    assert.throws(
      () => containerSpec({ ...basic, rootfs: hostile, user }),
      (error) => isFailure(error) && !error.message.includes("root:"),
    );
  refused("daemon");
});

const bad: [options: Partial<SpecOptions>, message: string][] = [
  [{ user: "nosuch" }, "unable to find user nosuch: no matching entries in passwd file"],
  [{ workingDir: "rel" }, "the working directory 'rel' is invalid, it needs to be an absolute path"],
  [{ command: [] }, "No command specified"],
  [{ ulimits: [{ name: "x", soft: 1, hard: 1 }] }, "invalid ulimit type: x"],
  [
    { ulimits: [{ name: "nofile", soft: 10, hard: 5 }] },
    "ulimit soft limit must be less than or equal to hard limit: 10 > 5",
  ],
  [
    { devices: [{ hostPath: "/dev/nosuch" }] },
    'error gathering device information while adding custom device "/dev/nosuch": no such file or directory',
  ],
  [
    { devices: [{ hostPath: "/proc/self/fdinfo" }] },
    'error gathering device information while adding custom device "/proc/self/fdinfo": not a device node',
  ],
  [{ limits: { memory: 1 } }, "Minimum memory limit allowed is 6MB"],
];

test("options that do not fit are refused in Docker's words", () => {
  for (const [options, message] of bad)
    assert.throws(
      () => containerSpec({ ...basic, ...options }),
      (error) => isFailure(error, "invalid") && error.message === message,
      message,
    );
});
