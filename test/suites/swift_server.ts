/** OpenStack Swift itself, Debian's packages, on directories of its own: it speaks Swift and, through s3api, S3. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export interface SwiftServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;
  readonly accessKey: string;
  readonly secretKey: string;
}

const servers = ["proxy", "account", "container", "object"] as const;
const isThere = (program: string) => existsSync(`/usr/bin/${program}`);

/** The reason to skip a test that needs it, or false. */
export const swiftSkip: string | false =
  servers.every((name) => isThere(`swift-${name}-server`)) && isThere("memcached")
    ? false
    : "needs swift-proxy, swift-account, swift-container, swift-object and memcached";

/** @param directory an empty one, on a file system with extended attributes */
export async function startSwift(directory: string): Promise<SwiftServer> {
  const ports = await freePorts(servers.length + 1);
  const [proxy, account, container, object, memcache] = ports as [number, number, number, number, number];
  mkdirSync(join(directory, "devices", "d"), { recursive: true });
  const write = (name: string, text: string) => writeFileSync(join(directory, name), text);
  write(
    "swift.conf",
    "[swift-hash]\nswift_hash_path_suffix = varve\n[storage-policy:0]\nname = one\ndefault = yes\n",
  );
  write("proxy.conf", proxyConfig(directory, proxy, memcache));
  for (const [name, port] of [
    ["account", account],
    ["container", container],
    ["object", object],
  ] as const) {
    makeRing(directory, name, port);
    write(`${name}.conf`, storageConfig(directory, name, port));
  }
  const children: ChildProcess[] = [
    spawn("memcached", ["-l", "127.0.0.1", "-p", String(memcache), "-u", userInfo().username]),
  ];
  const environment = { ...process.env, PYTHONWARNINGS: "ignore" };
  const said: string[] = [];
  for (const name of servers) {
    const child = spawn(`/usr/bin/swift-${name}-server`, [join(directory, `${name}.conf`), "-v"], {
      env: environment,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk: Buffer) => said.push(`${name}: ${chunk}`));
    }
    children.push(child);
  }
  const origin = `http://127.0.0.1:${proxy}`;
  const stop = () => Promise.all(children.map(end));
  if (!(await isUp(`${origin}/auth/v1.0`))) {
    await stop();
    throw new Error(`swift does not come up: ${said.slice(-20).join("")}`);
  }
  return {
    origin,
    accessKey: "test:tester",
    secretKey: "testing",
    [Symbol.asyncDispose]: async () => void (await stop()),
  };
}

const common = (directory: string, port: number) => `[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${port}
workers = 1
swift_dir = ${directory}
user = ${userInfo().username}
log_facility =
log_name = swift
`;

function proxyConfig(directory: string, port: number, memcache: number): string {
  return `${common(directory, port)}
[pipeline:main]
pipeline = catch_errors cache bulk tempurl s3api tempauth copy slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
# A server that was asked before it listened would be left alone for a minute.
error_suppression_limit = 100000
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:${memcache}
[filter:bulk]
use = egg:swift#bulk
[filter:tempurl]
use = egg:swift#tempurl
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
rate_limit_after_segment = 100000
[filter:dlo]
use = egg:swift#dlo
rate_limit_after_segment = 100000
`;
}

function storageConfig(directory: string, name: string, port: number): string {
  return `${common(directory, port)}devices = ${join(directory, "devices")}
mount_check = false
[pipeline:main]
pipeline = ${name}-server
[app:${name}-server]
use = egg:swift#${name}
`;
}

function makeRing(directory: string, name: string, port: number): void {
  const builder = join(directory, `${name}.builder`);
  const run = (...args: string[]) =>
    execFileSync("swift-ring-builder", [builder, ...args], {
      stdio: "ignore",
      env: { ...process.env, SWIFT_DIR: directory },
    });
  run("create", "2", "1", "0");
  run("add", `r1z1-127.0.0.1:${port}/d`, "1");
  run("rebalance");
}

/** The servers fork; each is a process group of its own. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.pid === undefined) return;
  const ended = once(child, "exit");
  try {
    process.kill(-child.pid, "SIGTERM");
  } catch {
    child.kill("SIGTERM");
  }
  await ended;
}

/** Up are all servers once an object can be written and is listed. */
async function isUp(url: string): Promise<boolean> {
  const headers = { "X-Auth-User": "test:tester", "X-Auth-Key": "testing" };
  for (let attempt = 0; attempt < 600; attempt++) {
    const response = await fetch(url, { headers }).catch(() => undefined);
    const token = response?.headers.get("x-auth-token");
    const storage = response?.headers.get("x-storage-url");
    if (token && storage && (await canStore(`${storage}/up`, { "X-Auth-Token": token }))) return true;
    await sleep(100);
  }
  return false;
}

async function canStore(container: string, headers: Readonly<Record<string, string>>): Promise<boolean> {
  const steps = [
    { url: container, method: "PUT" },
    { url: `${container}/object`, method: "PUT" },
    { url: container, method: "GET" },
  ];
  for (const { url, method } of steps) {
    const { ok, body } = await fetch(url, { method, headers });
    await body?.cancel();
    if (!ok) return false;
  }
  return true;
}

async function freePorts(count: number): Promise<number[]> {
  const probes = await Promise.all(
    Array.from({ length: count }, async () => {
      const probe = createServer().listen(0, "127.0.0.1");
      await once(probe, "listening");
      return probe;
    }),
  );
  const ports = probes.map((probe) => (probe.address() as AddressInfo).port);
  await Promise.all(probes.map(async (probe) => (probe.close(), once(probe, "close"))));
  return ports;
}
