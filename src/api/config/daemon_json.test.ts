/** `daemon.json`: dockerd's refusals, and what settings mean. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch } from "../../../test/suites/scratch.ts";
import type { DaemonSettings } from "../../engine/index.ts";
import type { Directives } from "./directives.ts";
import { daemonSettings, proxyEnvironment, readDaemonJson, withDaemonDefaults } from "./index.ts";

function read(text: string, flags: Directives = {}) {
  using directory = scratch("daemon-json");
  const path = join(directory.path, "daemon.json");
  writeFileSync(path, text);
  try {
    return readDaemonJson(path, flags, { optional: false });
  } catch (error) {
    (error as Error).message = (error as Error).message.replace(path, "FILE");
    throw error;
  }
}

const begin = "unable to configure the Docker daemon with file FILE: ";

/** The texts are dockerd 20.10's, but for those of the JSON parser. */
const refused: readonly [text: string, flags: Directives, why: string | RegExp][] = [
  ['{"foo":1,"bar":2}', {}, "the following directives don't match any configuration option: bar, foo"],
  ['{"__proto__":1}', {}, "the following directives don't match any configuration option: __proto__"],
  ['{"debug":"x"}', {}, "json: cannot unmarshal string into Go struct field Config.debug of type bool"],
  ['{"labels":"x"}', {}, "json: cannot unmarshal string into Go struct field Config.labels of type []string"],
  ['{"labels":[1]}', {}, "json: cannot unmarshal number into Go struct field Config.labels of type string"],
  [
    '{"features":{"buildkit":"x"}}',
    {},
    "json: cannot unmarshal string into Go struct field Config.features of type bool",
  ],
  [
    '{"log-opts":{"max-size":5}}',
    {},
    "json: cannot unmarshal number into Go struct field Config.log-opts of type string",
  ],
  ['{"mtu":1.5}', {}, "json: cannot unmarshal number 1.5 into Go struct field Config.mtu of type int"],
  ["[]", {}, "json: cannot unmarshal array into Go value of type map[string]interface {}"],
  ["", {}, "EOF"],
  ["{", {}, /JSON/],
  [
    '{"debug":false,"labels":["a=b"]}',
    { debug: true, labels: ["c=d"] },
    "the following directives are specified both as a flag and in the configuration file: debug: (from flag: true, from file: false), labels: (from flag: [c=d], from file: [a=b])",
  ],
  [
    '{"log-opts":{"a":"b"}}',
    { "log-opts": { a: "c" } },
    "the following directives are specified both as a flag and in the configuration file: log-opts: (from flag: map[a:c], from file: map[a:b])",
  ],
  ['{"userns-remap":"default"}', {}, "userns-remap is not supported here"],
  ['{"selinux-enabled":true}', {}, "selinux-enabled is not supported here"],
];
for (const [text, flags, why] of refused) {
  test(`daemon.json ${text} is refused`, () => {
    assert.throws(
      () => read(text, flags),
      (error: Error) => {
        if (typeof why === "string") assert.equal(error.message, begin + why);
        else assert.match(error.message, why);
        return error.name === "Failure";
      },
    );
  });
}

test("daemon.json and flags are joined; what changes nothing is named", () => {
  const text =
    '\uFEFF {"registry-mirrors":["http://m.example"],"debug":null,"metrics-addr":"127.0.0.1:9323","icc":true,"userns-remap":"","iptables":true,"exec-opts":["native.cgroupdriver=cgroupfs"],"features":{"buildkit":true,"containerd-snapshotter":true,"cdi":false},"bridge":"","ip-forward":false}\n';
  const { directives, idle } = read(text, { group: "docker" });
  assert.equal(directives["registry-mirrors"]?.[0], "http://m.example");
  assert.equal(directives.group, "docker");
  assert.equal("debug" in directives, false);
  assert.deepEqual(idle, ["metrics-addr", "features: containerd-snapshotter", "ip-forward"]);
});

test("a file that is not there is one only if it was named", () => {
  const missing = "/nonexistent-varve-test/daemon.json";
  assert.deepEqual(readDaemonJson(missing, { debug: true }, { optional: true }), {
    directives: { debug: true },
    idle: [],
  });
  assert.throws(() => readDaemonJson(missing, {}, { optional: false }), {
    message: `unable to configure the Docker daemon with file ${missing}: open ${missing}: no such file or directory`,
  });
});

const senseless: readonly [Directives, string | RegExp][] = [
  [{ labels: ["a"] }, "bad attribute format: a"],
  [{ labels: ["a=b", "a=c"] }, "conflict labels for a=c and a=b"],
  [{ "registry-mirrors": ["ftp://x"] }, 'invalid mirror: unsupported scheme "ftp" in "ftp://x"'],
  [{ "registry-mirrors": ["https://jo:secret@x"] }, /^invalid mirror: username\/password not allowed/],
  [{ "registry-mirrors": ["x y"] }, /^invalid mirror/],
  [{ "insecure-registries": ["a/b"] }, /^insecure registry a\/b is not valid/],
  [{ "log-driver": "syslog" }, /no log driver named 'syslog' is registered$/],
  [{ dns: ["192.0.2.1", "x"] }, "dns: x is not an ip address"],
  [{ "default-ipc-mode": "host" }, /^default-ipc-mode "host" is invalid/],
  [{ "default-shm-size": "much" }, "invalid size: 'much'"],
  [
    { "default-ulimits": { nofile: { Hard: 3, Soft: 5 } } },
    /soft limit must be less than or equal to hard limit/,
  ],
  [{ "default-ulimits": { nofile: 5 } }, /needs the whole numbers/],
  [{ "max-concurrent-downloads": -1 }, "invalid max concurrent downloads: -1"],
  [{ "max-download-attempts": -2 }, "invalid max download attempts: -2"],
  [
    { "seccomp-profile": "/nonexistent/profile" },
    "opening seccomp profile (/nonexistent/profile) failed: open /nonexistent/profile: no such file or directory",
  ],
  [{ "exec-opts": ["native.cgroupdriver=foo"] }, "native.cgroupdriver option foo not supported"],
  [
    { "exec-opts": ["a=b", "Native.cgroupdriver = foo", "native.cgroupdriver=cgroupfs"] },
    "native.cgroupdriver option foo not supported",
  ],
  [
    { "default-network-opts": { bridge: { "com.docker.network.driver.mtu": 1400 } } },
    "default-network-opts: the options of bridge are no object of strings",
  ],
  [{ "default-runtime": "fast" }, "specified default runtime 'fast' does not exist"],
  [{ runtimes: { runc: { path: "/x" } } }, "runtime name 'runc' is reserved"],
  [{ runtimes: { "../x": { path: "/x" } } }, "runtime name '../x' is invalid"],
  [{ runtimes: { a: {} } }, "runtime a: either a runtimeType or a path must be configured"],
  [{ runtimes: { a: null } }, "runtime a: either a runtimeType or a path must be configured"],
  [{ runtimes: { a: { path: "/x", runtimeArgs: [1] } } }, "runtime a: runtimeArgs is no list of strings"],
  [
    { runtimes: { kata: { runtimeType: "io.containerd.kata.v2" } } },
    "runtime kata: runtimeType io.containerd.kata.v2 is not supported here",
  ],
];
for (const [given, message] of senseless) {
  test(`settings ${JSON.stringify(given)} are refused`, () => {
    assert.throws(() => daemonSettings(given), { name: "Failure", message });
  });
}

test("registries are written as dockerd writes them", () => {
  const { registryMirrors, insecureRegistries } = daemonSettings({
    "registry-mirrors": ["http://m.example:5000"],
    "insecure-registries": ["http://r.example", "10.0.0.0/8"],
  });
  assert.deepEqual(registryMirrors, ["http://m.example:5000/"]);
  assert.deepEqual(insecureRegistries, ["r.example", "10.0.0.0/8"]);
  // Else those of dockerd's own file hold.
  assert.equal("registryMirrors" in daemonSettings({}), false);
});

test("transfers are as many as is said; 0 says nothing", () => {
  const { concurrentDownloads, concurrentUploads, downloadRetries } = daemonSettings({
    "max-concurrent-downloads": 1,
    "max-concurrent-uploads": 0,
    "max-download-attempts": 9,
  });
  assert.deepEqual([concurrentDownloads, concurrentUploads, downloadRetries], [1, undefined, 9]);
});

test("the init program, what clients are told, and a cgroup driver that is known", () => {
  const given = { "init-path": "/usr/bin/tini", experimental: true, features: { buildkit: false } };
  const { initPath, experimental, buildkit } = daemonSettings({
    ...given,
    "exec-opts": ["foo", "native.cgroupdriver=systemd"],
  });
  assert.deepEqual([initPath, experimental, buildkit], ["/usr/bin/tini", true, false]);
  assert.equal("initPath" in daemonSettings({ "init-path": "" }), false);
});

test("protections hold for containers that do not choose others", () => {
  using directory = scratch("seccomp");
  const profile = join(directory.path, "profile.json");
  writeFileSync(profile, '{ "defaultAction":\n "SCMP_ACT_ALLOW" }');
  const settings = daemonSettings({ "no-new-privileges": true, "seccomp-profile": profile });
  const seccomp = '{"defaultAction":"SCMP_ACT_ALLOW"}';
  assert.deepEqual(settings.security, { noNewPrivileges: true, seccomp });
  // It is dockerd's secret, too: `inspect` shows the container's own options.
  assert.equal("SecurityOpt" in withDaemonDefaults({}, settings), false);
  const { security } = daemonSettings({ "seccomp-profile": "unconfined" });
  assert.deepEqual(security, { noNewPrivileges: false, seccomp: "unconfined" });
  assert.equal("security" in daemonSettings({ "seccomp-profile": "builtin" }), false);
});

test("proxies are what the environment says of them", () => {
  assert.deepEqual(
    proxyEnvironment({ proxies: { "http-proxy": "http://p.example:3128" }, "no-proxy": "a.b" }),
    {
      http_proxy: "http://p.example:3128",
      HTTP_PROXY: "http://p.example:3128",
      no_proxy: "a.b",
      NO_PROXY: "a.b",
    },
  );
  assert.throws(() => proxyEnvironment({ proxies: { "no-proxy": 1 } }), {
    message: "proxies: no-proxy is no string",
  });
});

test("networks get theirs of the settings", () => {
  const pools = [{ base: "10.50.0.0/16", size: 24 }];
  const given = { bip: "10.1.0.1/24", mtu: 1400, icc: false, "fixed-cidr": "10.1.0.128/25", ip: "127.0.0.1" };
  const { networks } = daemonSettings({ ...given, "default-address-pools": pools });
  assert.deepEqual(networks, {
    bridgeAddress: "10.1.0.1/24",
    addressRange: "10.1.0.128/25",
    mtu: 1400,
    icc: false,
    publishAddress: "127.0.0.1",
    pools,
  });
  const others = daemonSettings({
    ipv6: true,
    bip6: "fd00:1::1/64",
    "fixed-cidr-v6": "fd00:1::/80",
    "default-gateway": "10.1.0.9",
    "default-gateway-v6": "",
    "ip-masq": false,
    "host-gateway-ip": "192.0.2.1",
    "userland-proxy": false,
    "default-network-opts": { bridge: { "com.docker.network.driver.mtu": "1400" }, overlay: { a: "b" } },
  });
  assert.deepEqual(others.networks, {
    ipv6: true,
    bridgeAddress6: "fd00:1::1/64",
    addressRange6: "fd00:1::/80",
    gateway: "10.1.0.9",
    masquerade: false,
    hostGateway: "192.0.2.1",
    userlandProxy: false,
    options: { "com.docker.network.driver.mtu": "1400" },
  });
});

test("runtimes, and the one of containers that choose none", () => {
  const BinaryName = "/usr/bin/nvidia-container-runtime";
  const { runtimes, containers } = daemonSettings({
    runtimes: {
      nvidia: { path: "nvidia-container-runtime", runtimeArgs: [] },
      slow: { path: "/opt/slow", runtimeArgs: ["--debug"] },
      new: { runtimeType: "io.containerd.runc.v2", options: { BinaryName } },
    },
    "default-runtime": "nvidia",
  });
  assert.deepEqual(runtimes, {
    nvidia: { path: "nvidia-container-runtime" },
    slow: { path: "/opt/slow", runtimeArgs: ["--debug"] },
    new: { path: BinaryName },
  });
  assert.equal(withDaemonDefaults({ Runtime: "" }, { containers } as DaemonSettings).Runtime, "nvidia");
  assert.equal(withDaemonDefaults({ Runtime: "slow" }, { containers } as DaemonSettings).Runtime, "slow");
});

test("a container gets of the settings what it does not say itself", () => {
  const settings = daemonSettings({
    dns: ["192.0.2.1"],
    init: true,
    "default-shm-size": "1.5g",
    "log-opts": { "max-size": "1m", "max-file": "3" },
    "default-ulimits": {
      nofile: { Name: "nofile", Hard: 64, Soft: 32 },
      core: { Name: "core", Hard: 0, Soft: 0 },
    },
  });
  assert.deepEqual(withDaemonDefaults({ Dns: [], ShmSize: 0, Ulimits: null }, settings), {
    Dns: ["192.0.2.1"],
    Init: true,
    ShmSize: 1.5 * 1024 ** 3,
    LogConfig: { Type: "json-file", Config: { "max-size": "1m", "max-file": "3" } },
    Ulimits: [
      { Name: "nofile", Hard: 64, Soft: 32 },
      { Name: "core", Hard: 0, Soft: 0 },
    ],
  });
  const own = {
    Dns: ["192.0.2.2"],
    Init: false,
    ShmSize: 1024,
    LogConfig: { Type: "json-file", Config: { "max-size": "2m" } },
    Ulimits: [{ Name: "nofile", Hard: 5, Soft: 5 }],
  };
  assert.deepEqual(withDaemonDefaults(own, settings), {
    ...own,
    LogConfig: { Type: "json-file", Config: { "max-size": "2m", "max-file": "3" } },
    Ulimits: [...own.Ulimits, { Name: "core", Hard: 0, Soft: 0 }],
  });
  const none = withDaemonDefaults({ LogConfig: { Type: "none", Config: {} } }, settings);
  assert.deepEqual(none["LogConfig"], { Type: "none", Config: {} });
});
