/**
 * What a container's host config must be, in Docker's words (moby 20.10, daemon/container.go, `validateHostConfig`, and
 * daemon/daemon_unix.go, `verifyPlatformContainerSettings`).
 */
import { isIP } from "node:net";
import { posix } from "node:path";
import { Failure } from "../../errors.ts";
import { checkLimits, containerCapabilities } from "../../runtime/index.ts";
import type { HostConfig } from "./record.ts";
import { parseSecurityOptions } from "./security_options.ts";
import { limitsOf } from "./limits_of.ts";

/**
 * @returns what is taken and does nothing, as warnings in Docker's words
 * @throws Failure("invalid")
 */
export function checkHostConfig(hostConfig: HostConfig): string[] {
  checkRestarts(hostConfig);
  for (const host of hostConfig.ExtraHosts ?? []) checkExtraHost(host);
  checkPorts(hostConfig["PortBindings"]);
  checkModes(hostConfig);
  checkDevices(hostConfig);
  const link = ((hostConfig["Links"] as string[] | null | undefined) ?? []).find((text) => !isLink(text));
  if (link !== undefined) throw invalid(`bad format for links: ${link}`);
  containerCapabilities({ add: hostConfig.CapAdd ?? [], drop: hostConfig.CapDrop ?? [] });
  parseSecurityOptions(hostConfig.SecurityOpt ?? []);
  for (const path of Object.keys(hostConfig.Tmpfs ?? {})) {
    if (!posix.isAbsolute(path)) throw invalid(`invalid mount path: '${path}' mount path must be absolute`);
    if (posix.normalize(path) === "/") throw invalid("invalid specification: destination can't be '/'");
  }
  const unknown = Object.keys((hostConfig["StorageOpt"] as object | undefined) ?? {});
  if (unknown[0] !== undefined) throw invalid(storageOption(unknown[0]));
  return [...checkLimits(limitsOf(hostConfig)), ...checkKernelMemory(hostConfig), ...discarded(hostConfig)];
}

/** `name` or `name:alias`. */
function isLink(text: string): boolean {
  return /^[^:]+(:[^:]+)?$/.test(text);
}

function storageOption(name: string): string {
  if (name !== "size") return `Unknown option ${name}`;
  return "--storage-opt is supported only for overlay over xfs with 'pquota' mount option";
}

function checkRestarts(hostConfig: HostConfig): void {
  const policy = hostConfig["RestartPolicy"] as { Name?: string; MaximumRetryCount?: number } | undefined;
  const { Name = "", MaximumRetryCount: most = 0 } = policy ?? {};
  if (hostConfig.AutoRemove && !["", "no"].includes(Name)) {
    throw invalid("can't create 'AutoRemove' container with restart policy");
  }
  if (["always", "unless-stopped", "no"].includes(Name) && most !== 0) {
    throw invalid(`maximum retry count cannot be used with restart policy '${Name}'`);
  }
  if (Name === "on-failure" && most < 0) throw invalid("maximum retry count cannot be negative");
  if (!["", "no", "always", "unless-stopped", "on-failure"].includes(Name)) {
    throw invalid(`invalid restart policy '${Name}'`);
  }
}

function checkExtraHost(text: string): void {
  const [, name, address] = /^([^:=]+)[:=](.+)$/.exec(text) ?? [];
  if (name === undefined || address === undefined) {
    throw invalid(`bad format for add-host: ${JSON.stringify(text)}`);
  }
  if (address !== "host-gateway" && isIP(address.replace(/^\[(.*)\]$/, "$1")) === 0) {
    throw invalid(`invalid IP address in add-host: ${JSON.stringify(address)}`);
  }
}

function checkPorts(bindings: unknown): void {
  const check = (text: string): void => {
    const [, first, last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
    if (first !== undefined && Number(first) <= 65_535 && Number(last) <= 65_535) return;
    throw invalid(`invalid port specification: ${JSON.stringify(text)}`);
  };
  const all = Object.entries((bindings as Record<string, readonly { HostPort?: string }[] | null>) ?? {});
  for (const [port, places] of all) {
    check(port.split("/", 1)[0] as string);
    for (const { HostPort = "" } of places ?? []) if (HostPort !== "") check(HostPort);
  }
}

function checkModes(hostConfig: HostConfig): void {
  const { IpcMode = "", PidMode = "", UTSMode = "", CgroupnsMode = "", NetworkMode, ShmSize } = hostConfig;
  const isolation = hostConfig["Isolation"] ?? "";
  if (isolation !== "" && isolation !== "default") {
    throw invalid(`Invalid isolation: ${JSON.stringify(isolation)} - linux only supports 'default'`);
  }
  if (/^container:?$/.test(NetworkMode)) {
    throw invalid("Invalid network mode: invalid container format container:<name|id>");
  }
  if (!/^(|private|host|shareable|none|(container|pod):.+)$/.test(IpcMode)) {
    throw invalid(`Invalid IPC mode: ${IpcMode}`);
  }
  // dockerd 20.10 takes what it does not know for private; what was meant to be shared would not be.
  if (!/^(|private|host|(container|pod):.+)$/.test(PidMode)) throw invalid(`invalid PID mode: ${PidMode}`);
  if (!["", "host", "private"].includes(UTSMode)) throw invalid(`invalid UTS mode: ${UTSMode}`);
  if (!["", "host", "private"].includes(CgroupnsMode)) {
    throw invalid(`invalid cgroup namespace mode: ${CgroupnsMode}`);
  }
  if (ShmSize < 0) throw invalid("SHM size can not be less than 0");
}

/** No driver of devices is there that could be asked. */
function checkDevices(hostConfig: HostConfig): void {
  const requests = hostConfig["DeviceRequests"] as readonly DeviceRequest[] | null | undefined;
  const [first] = requests ?? [];
  if (first === undefined) return;
  const capabilities = (first.Capabilities ?? []).map((each) => `[${each.join(" ")}]`).join(" ");
  const driver = JSON.stringify(first.Driver ?? "");
  throw invalid(`could not select device driver ${driver} with capabilities: [${capabilities}]`);
}

interface DeviceRequest {
  readonly Driver?: string;
  readonly Capabilities?: readonly (readonly string[])[] | null;
}

const leastKernelMemory = 6 << 20;

function checkKernelMemory(hostConfig: HostConfig): string[] {
  const kernel = Number(hostConfig["KernelMemory"] ?? 0);
  if (kernel > 0 && kernel < leastKernelMemory) throw invalid("Minimum kernel memory limit allowed is 6MB");
  return kernel > 0
    ? ["Specifying a kernel memory limit is deprecated and will be removed in a future release."]
    : [];
}

function discarded(hostConfig: HostConfig): string[] {
  const ports = Object.keys((hostConfig["PortBindings"] as object | null | undefined) ?? {});
  return hostConfig.NetworkMode === "host" && ports.length > 0
    ? ["Published ports are discarded when using host network mode"]
    : [];
}

function invalid(message: string): Failure {
  return new Failure("invalid", message);
}
