/** `GET /info` (moby, daemon/info.go). */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import type {
  Daemon,
  DaemonSettings,
  MachineInfo,
  ProgramVersion,
  SystemInfo,
} from "../../../engine/index.ts";
import { logDrivers } from "../../config/index.ts";
import type { Call } from "../../http/index.ts";
import { swarmInfo } from "../swarm/index.ts";

export async function info(daemon: Daemon, call: Call): Promise<void> {
  const { engine, settings } = daemon;
  const [root, machine] = [await engine.system.info(), await engine.system.machine()];
  call.reply(200, {
    ID: daemon.id,
    ...ofRoot(root),
    Plugins: {
      Volume: ["local"],
      Network: ["bridge", "host", "null"],
      Authorization: null,
      Log: logDrivers.filter((name) => name !== "none"),
    },
    ...limitsShown(machine, call),
    ...ofProcess(daemon),
    LoggingDriver: loggingDriver(settings),
    CgroupDriver: "cgroupfs",
    CgroupVersion: String(machine.cgroupVersion),
    IndexServerAddress: "https://index.docker.io/v1/",
    RegistryConfig: registryConfig(root, settings),
    GenericResources: null,
    ...proxies(process.env),
    Labels: settings.labels,
    ExperimentalBuild: settings.experimental === true,
    ...ofPrograms(machine, settings),
    Swarm: swarmInfo(daemon),
    LiveRestoreEnabled: true,
    Isolation: "",
    SecurityOptions: [...root.SecurityOptions, ...(machine.cgroupVersion === 2 ? ["name=cgroupns"] : [])],
    Warnings: warnings(machine),
  });
}

function ofRoot(root: SystemInfo): object {
  const { Runtimes: _runtimes, RegistryConfig: _registries, SecurityOptions: _security, ...shown } = root;
  return { ...shown, OSVersion: osVersion() };
}

function osVersion(): string {
  const file = "/etc/os-release";
  return existsSync(file) ? (/^VERSION_ID="?([^"\n]*)/m.exec(readFileSync(file, "utf8"))?.[1] ?? "") : "";
}

function limitsShown({ limits, forwardsIPv4 }: MachineInfo, call: Call): object {
  return {
    MemoryLimit: limits.memory,
    SwapLimit: limits.swap,
    // Gone from newer versions, as from the kernel.
    ...(!call.isAtLeast("1.42") && { KernelMemory: false, KernelMemoryTCP: false }),
    CpuCfsPeriod: limits.cpuQuota,
    CpuCfsQuota: limits.cpuQuota,
    CPUShares: limits.cpuShares,
    CPUSet: limits.cpuSet,
    PidsLimit: limits.pids,
    IPv4Forwarding: forwardsIPv4,
    ...(!call.isAtLeast("1.50") && {
      BridgeNfIptables: isFiltered("iptables"),
      BridgeNfIp6tables: isFiltered("ip6tables"),
    }),
    OomKillDisable: limits.oomKillDisable,
  };
}

/** Whether a bridge's traffic goes through the machine's rules. */
function isFiltered(by: string): boolean {
  const file = `/proc/sys/net/bridge/bridge-nf-call-${by}`;
  return existsSync(file) && readFileSync(file, "utf8").trim() === "1";
}

function ofProcess({ events, settings }: Daemon): object {
  return {
    Debug: settings.debug,
    NFd: readdirSync("/proc/self/fd").length,
    // What waits here, as goroutines do there.
    NGoroutines: process.getActiveResourcesInfo().length,
    SystemTime: new Date().toISOString(),
    NEventsListener: events.listeners,
  };
}

function loggingDriver({ containers }: DaemonSettings): string {
  const { Type = "json-file" } = (containers["LogConfig"] ?? {}) as { readonly Type?: string };
  return Type;
}

function registryConfig({ RegistryConfig }: SystemInfo, settings: DaemonSettings): object {
  const Mirrors = settings.registryMirrors ?? RegistryConfig.Mirrors;
  const insecure = settings.insecureRegistries ?? [];
  const hosts = insecure.filter((host) => !host.includes("/"));
  const hub = { Name: "docker.io", Mirrors, Secure: true, Official: true };
  const told = hosts.map((Name) => [Name, { Name, Mirrors: [], Secure: false, Official: false }]);
  return {
    InsecureRegistryCIDRs: [
      ...RegistryConfig.InsecureRegistryCIDRs,
      ...insecure.filter((host) => host.includes("/")),
    ],
    IndexConfigs: { "docker.io": hub, ...(Object.fromEntries(told) as object) },
    Mirrors,
  };
}

function proxies(environment: NodeJS.ProcessEnv): object {
  const of = (name: string): string =>
    withoutPassword(environment[name.toUpperCase()] ?? environment[name] ?? "");
  return { HttpProxy: of("http_proxy"), HttpsProxy: of("https_proxy"), NoProxy: of("no_proxy") };
}

/** As dockerd shows it (moby, daemon/info.go, `maskCredentials`). */
function withoutPassword(text: string): string {
  const url = URL.parse(text);
  if (url === null || (url.username === "" && url.password === "")) return text;
  return text.replace(/\/\/[^@/]*@/, "//xxxxx:xxxxx@");
}

function ofPrograms({ shim, runtime, init }: MachineInfo, settings: DaemonSettings): object {
  const name = runtime?.name ?? "runc";
  const commit = (program: ProgramVersion | undefined): object => {
    const ID = program?.commit || program?.version || "N/A";
    return { ID, Expected: ID };
  };
  return {
    Runtimes: { ...(runtime && usualRuntimes(name, runtime.path)), ...settings.runtimes },
    DefaultRuntime: settings.containers.Runtime ?? name,
    InitBinary: settings.initPath ?? init?.name ?? "",
    ContainerdCommit: commit(shim),
    RuncCommit: commit(runtime),
    InitCommit: commit(init),
  };
}

function usualRuntimes(name: string, path: string): object {
  return { [name]: { path }, "io.containerd.runc.v2": { path } };
}

/** In dockerd's words; null as Go has it. */
function warnings({ limits, forwardsIPv4, runtime, shim }: MachineInfo): readonly string[] | null {
  const found = [
    limits.memory ? "" : "WARNING: No memory limit support",
    limits.swap ? "" : "WARNING: No swap limit support",
    limits.cpuQuota ? "" : "WARNING: No cpu cfs quota support",
    limits.cpuShares ? "" : "WARNING: No cpu shares support",
    limits.cpuSet ? "" : "WARNING: No cpuset support",
    limits.pids ? "" : "WARNING: No pids limit support",
    forwardsIPv4 ? "" : "WARNING: IPv4 forwarding is disabled",
    runtime !== undefined && shim !== undefined
      ? ""
      : "WARNING: No runc and containerd-shim-runc-v2: containers cannot run",
  ].filter((text) => text !== "");
  return found.length === 0 ? null : found;
}
