/** `info`: this root and this machine, under Docker's keys. */
import { readFileSync, statfsSync } from "node:fs";
import { arch, cpus, hostname, release, totalmem } from "node:os";
import { join } from "node:path";
import { findErofsSupport, inUserNamespace } from "../../driver/index.ts";
import type { Store } from "../../store/index.ts";
import { listRecords } from "../containers/record.ts";
import { reconcile } from "../containers/state.ts";
import { version } from "../version.ts";

export interface SystemInfo {
  readonly Containers: number;
  readonly ContainersRunning: number;
  readonly ContainersPaused: number;
  readonly ContainersStopped: number;
  readonly Images: number;
  readonly Driver: string;
  /** Pairs of text, as Docker has it. */
  readonly DriverStatus: readonly (readonly [string, string])[];
  readonly KernelVersion: string;
  readonly OperatingSystem: string;
  readonly OSType: string;
  readonly Architecture: string;
  readonly NCPU: number;
  /** Bytes. */
  readonly MemTotal: number;
  readonly DockerRootDir: string;
  readonly Name: string;
  readonly ServerVersion: string;
  readonly RegistryConfig: {
    readonly Mirrors: readonly string[];
    readonly InsecureRegistryCIDRs: readonly string[];
  };
  readonly Runtimes: readonly string[];
  readonly SecurityOptions: readonly string[];
}

const fileSystems: ReadonlyMap<number, string> = new Map([
  [0xef53, "extfs"],
  [0x58465342, "xfs"],
  [0x9123683e, "btrfs"],
  [0x01021994, "tmpfs"],
  [0x794c7630, "overlayfs"],
  [0x2fc12fc1, "zfs"],
]);

export async function systemInfo(store: Store): Promise<SystemInfo> {
  const records = await Promise.all(
    (await listRecords(store.root)).map((record) => reconcile(store, record)),
  );
  const running = records.filter((record) => record.State.Running && !record.State.Paused).length;
  const paused = records.filter((record) => record.State.Paused).length;
  return {
    Containers: records.length,
    ContainersRunning: running,
    ContainersPaused: paused,
    ContainersStopped: records.length - running - paused,
    Images: (await store.images.list()).length,
    Driver: store.driver.name,
    DriverStatus: driverStatus(store),
    KernelVersion: release(),
    OperatingSystem: operatingSystem(),
    OSType: "linux",
    Architecture: arch() === "x64" ? "x86_64" : arch() === "arm64" ? "aarch64" : arch(),
    NCPU: cpus().length,
    MemTotal: totalmem(),
    DockerRootDir: store.root,
    Name: hostname(),
    ServerVersion: version,
    RegistryConfig: { Mirrors: registryMirrors(), InsecureRegistryCIDRs: ["127.0.0.0/8"] },
    Runtimes: ["runc"],
    SecurityOptions: ["name=seccomp,profile=default", ...(inUserNamespace() ? ["name=rootless"] : [])],
  };
}

function driverStatus(store: Store): [string, string][] {
  const backing: [string, string] = [
    "Backing Filesystem",
    fileSystems.get(statfsSync(store.root).type) ?? "unknown",
  ];
  switch (store.driver.name) {
    case "overlay2":
      return [
        backing,
        // overlay mounts are refused at the start where the file system gives no d_type.
        ["Supports d_type", "true"],
        ["Native Overlay Diff", "true"],
        ["userxattr", String(inUserNamespace())],
        // Whiteouts and owners are those of a user namespace.
        ["Interchangeable with dockerd", inUserNamespace() ? "no" : "yes"],
        ["Without unpacking", withoutUnpacking(store)],
      ];
    case "erofs":
      return [
        backing,
        ["Interchangeable with dockerd", "no; `varve migrate --to overlay2` makes it so"],
        ["Without unpacking", withoutUnpacking(store)],
      ];
    case "vfs":
      return [];
  }
}

/** Whether the erofs driver works here, and how, or why not. */
function withoutUnpacking(store: Store): string {
  const support = findErofsSupport(store.root);
  if (support.backing === undefined) return `not here: ${support.reason}`;
  const ways = { file: "mount from files", loop: "mount from loop devices", fuse: "are served over FUSE" };
  const how = `images ${ways[support.backing]}`;
  return store.driver.name === "erofs" ? how : `${how}; \`varve migrate --to erofs\``;
}

function operatingSystem(): string {
  try {
    const text = readFileSync("/etc/os-release", "utf8");
    return /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(text)?.[1] ?? "Linux";
  } catch {
    return "Linux";
  }
}

/** `registry-mirrors` of Docker's own configuration (behaviours B111). */
export function registryMirrors(
  directory = process.env["DOCKER_DAEMON_CONFIG_DIR"] ?? "/etc/docker",
): string[] {
  try {
    const config = JSON.parse(readFileSync(join(directory, "daemon.json"), "utf8")) as Record<
      string,
      unknown
    >;
    const mirrors = config["registry-mirrors"];
    return Array.isArray(mirrors) ? mirrors.map((mirror) => `${String(mirror).replace(/\/$/, "")}/`) : [];
  } catch {
    return [];
  }
}
