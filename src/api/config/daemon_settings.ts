/** From directives to what they mean, with dockerd's checks. */
import { isIP } from "node:net";
import type { DaemonSettings } from "../../engine/index.ts";
import { Failure } from "../../errors.ts";
import type { Directives } from "./directives.ts";
import { networkDefaults } from "./network_settings.ts";
import { securityOptions } from "./security_options.ts";
import { defaultRuntime, namedRuntimes } from "./named_runtimes.ts";

/** @throws Failure("invalid") in dockerd's words */
export function daemonSettings(given: Directives): DaemonSettings {
  const mirrors = given["registry-mirrors"];
  const insecure = given["insecure-registries"];
  return {
    debug: given.debug ?? given["log-level"] === "debug",
    labels: checkedLabels(given.labels ?? []),
    ...(mirrors !== undefined && { registryMirrors: mirrors.map(checkedMirror) }),
    ...(insecure !== undefined && { insecureRegistries: insecure.map(withoutScheme) }),
    ...transferLimits(given),
    networks: networkDefaults(given),
    ...programDefaults(given),
    ...(given.runtimes !== undefined && { runtimes: namedRuntimes(given.runtimes) }),
    ...securityOptions(given),
    containers: containerDefaults(given),
  };
}

/** moby, daemon/config/config.go, `GetConflictFreeLabels` and opts.ValidateLabel. */
function checkedLabels(labels: readonly string[]): readonly string[] {
  const seen = new Map<string, string>();
  for (const label of labels) {
    const equals = label.indexOf("=");
    if (equals < 1) throw new Failure("invalid", `bad attribute format: ${label}`);
    const name = label.slice(0, equals);
    const before = seen.get(name);
    if (before !== undefined && before !== label) {
      throw new Failure("invalid", `conflict labels for ${label} and ${before}`);
    }
    seen.set(name, label);
  }
  return [...new Set(labels)];
}

/** moby, registry/config.go, `ValidateMirror`. */
function checkedMirror(text: string): string {
  const url = URL.parse(text);
  const refuse = (why: string): Failure => new Failure("invalid", `invalid mirror: ${why}`);
  if (url === null) throw refuse(`"${text}" is not a valid URI`);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw refuse(`unsupported scheme "${url.protocol.slice(0, -1)}" in "${text}"`);
  }
  if (url.search !== "" || url.hash !== "") throw refuse("unsupported query or fragment in the URI");
  if (url.username !== "" || url.password !== "") {
    throw refuse(`username/password not allowed in URI of ${url.host}`);
  }
  return `${text.replace(/\/+$/, "")}/`;
}

/** moby, registry/config.go, `loadInsecureRegistries`. */
function withoutScheme(host: string): string {
  const bare = host.replace(/^https?:\/\//i, "");
  if (bare !== "" && !/[\s/]/.test(bare.replace(/\/\d{1,3}$/, ""))) return bare;
  throw new Failure("invalid", `insecure registry ${host} is not valid: invalid host "${bare}"`);
}

/** Zero means the same as none (moby, daemon/config/config.go, `validateConfig`). */
function transferLimits(given: Directives): Partial<DaemonSettings> {
  const limit = (name: "max-concurrent-downloads" | "max-concurrent-uploads" | "max-download-attempts") => {
    const value = given[name] ?? 0;
    if (value < 0) throw new Failure("invalid", `invalid ${name.replaceAll("-", " ")}: ${value}`);
    return value === 0 ? undefined : value;
  };
  const concurrentDownloads = limit("max-concurrent-downloads");
  const concurrentUploads = limit("max-concurrent-uploads");
  const downloadRetries = limit("max-download-attempts");
  return {
    ...(concurrentDownloads !== undefined && { concurrentDownloads }),
    ...(concurrentUploads !== undefined && { concurrentUploads }),
    ...(downloadRetries !== undefined && { downloadRetries }),
  };
}

function programDefaults(given: Directives): Partial<DaemonSettings> {
  const { "init-path": initPath = "", experimental, features = {} } = given;
  checkCgroupDriver(given["exec-opts"] ?? []);
  return {
    ...(initPath !== "" && { initPath }),
    ...(experimental !== undefined && { experimental }),
    ...(features["buildkit"] !== undefined && { buildkit: features["buildkit"] }),
  };
}

/** Of several the first counts, and all other options mean nothing (moby, daemon/daemon_unix.go, `getCD`). */
function checkCgroupDriver(options: readonly string[]): void {
  const pairs = options.map((option) => option.split("=").map((part) => part.trim()));
  const [, driver] = pairs.find(([key = "", value]) => /^native\.cgroupdriver$/i.test(key) && value) ?? [];
  if (driver === undefined || driver === "cgroupfs" || driver === "systemd") return;
  throw new Failure("invalid", `native.cgroupdriver option ${driver} not supported`);
}

function containerDefaults(given: Directives): DaemonSettings["containers"] {
  const { dns, init } = given;
  const ulimits = Object.entries(given["default-ulimits"] ?? {}).map(([name, value]) => ulimit(name, value));
  return {
    ...logConfig(given),
    ...(ulimits.length > 0 && { Ulimits: ulimits }),
    ...(given["default-shm-size"] !== undefined && { ShmSize: bytes(given["default-shm-size"]) }),
    ...oneOf(given, "default-cgroupns-mode", "CgroupnsMode", ["host", "private"]),
    ...oneOf(given, "default-ipc-mode", "IpcMode", ["private", "shareable"]),
    ...(given["cgroup-parent"] !== undefined && { CgroupParent: given["cgroup-parent"] }),
    ...(init !== undefined && { Init: init }),
    ...defaultRuntime(given),
    ...(dns !== undefined && { Dns: dns.map(checkedAddress) }),
    ...(given["dns-opts"] !== undefined && { DnsOptions: given["dns-opts"] }),
    ...(given["dns-search"] !== undefined && { DnsSearch: given["dns-search"] }),
  };
}

function checkedAddress(text: string): string {
  if (isIP(text) !== 0) return text;
  throw new Failure("invalid", `dns: ${text} is not an ip address`);
}

function logConfig(given: Directives): { readonly LogConfig?: object } {
  const { "log-driver": Type = "json-file", "log-opts": Config = {} } = given;
  if (!logDrivers.includes(Type)) {
    throw new Failure(
      "invalid",
      `failed to set log opts: logger: no log driver named '${Type}' is registered`,
    );
  }
  return given["log-driver"] === undefined && given["log-opts"] === undefined
    ? {}
    : { LogConfig: { Type, Config } };
}

/** Where containers' output can go. */
export const logDrivers: readonly string[] = ["json-file", "local", "none"];

function oneOf(
  given: Directives,
  name: "default-cgroupns-mode" | "default-ipc-mode",
  field: string,
  values: readonly string[],
): Record<string, string> {
  const value = given[name];
  if (value === undefined) return {};
  if (values.includes(value)) return { [field]: value };
  throw new Failure("invalid", `${name} "${value}" is invalid: use ${values.join(" or ")}`);
}

function ulimit(name: string, value: unknown): { Name: string; Hard: number; Soft: number } {
  const { Hard, Soft } = (typeof value === "object" && value !== null ? value : {}) as Record<
    string,
    unknown
  >;
  if (!Number.isSafeInteger(Hard) || !Number.isSafeInteger(Soft)) {
    throw new Failure("invalid", `default-ulimits: ${name} needs the whole numbers "Hard" and "Soft"`);
  }
  if (Number(Hard) !== -1 && (Number(Soft) > Number(Hard) || Number(Soft) === -1)) {
    throw new Failure(
      "invalid",
      `ulimit soft limit must be less than or equal to hard limit: ${String(Soft)} > ${String(Hard)}`,
    );
  }
  return { Name: name, Hard: Number(Hard), Soft: Number(Soft) };
}

/** go-units, `RAMInBytes`. */
function bytes(text: string): number {
  const [, digits, unit = ""] = /^(\d+(?:\.\d+)?)\s*([kmgtp]?)i?b?$/i.exec(text.trim()) ?? [];
  if (digits === undefined) throw new Failure("invalid", `invalid size: '${text}'`);
  return Math.floor(Number(digits) * 1024 ** " kmgtp".indexOf(unit.toLowerCase() || " "));
}
