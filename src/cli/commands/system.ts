/** `varve system df|prune|check|gc`, `info`, `version`: the whole root. */
import { arch, release } from "node:os";
import { version as varveVersion, type SystemInfo } from "../../engine/index.ts";
import { Failure } from "../../errors.ts";
import { command, result } from "../app.ts";
import { binarySize, humanSize, renderRecord } from "../kit/index.ts";
import { cacheId } from "./builder.ts";
import { pruneFilters } from "../prune_filters.ts";
import { removedText } from "./rmi.ts";

const recordFlags = {
  format: { kind: "string", short: "f", type: "string", help: "Format output with a Go template, or 'json'" },
} as const;

export const info = command({
  path: ["info"],
  aliases: [["system", "info"]],
  section: "System",
  usage: "[OPTIONS]",
  summary: "Show what this root and this machine are",
  examples: [{ text: "Only the storage driver", command: "varve info -f '{{.Driver}}'" }],
  flags: recordFlags,
  args: { min: 0, max: 0 },
  async run({ app, flags }) {
    const found = await (await app.engine()).system.info();
    const record = { ...found } as Record<string, unknown>;
    app.stdout.write(
      renderRecord(record, { format: flags.format, json: app.json }) ?? `${infoLines(found).join("\n")}\n`,
    );
  },
});

function infoLines(found: SystemInfo): string[] {
  const { Mirrors: mirrors, InsecureRegistryCIDRs: insecure } = found.RegistryConfig;
  return [
    `Containers: ${found.Containers}`,
    ` Running: ${found.ContainersRunning}`,
    ` Paused: ${found.ContainersPaused}`,
    ` Stopped: ${found.ContainersStopped}`,
    `Images: ${found.Images}`,
    `Server Version: ${found.ServerVersion}`,
    `Storage Driver: ${found.Driver}`,
    ...found.DriverStatus.map(([key, value]) => ` ${key}: ${value}`),
    `Runtimes: ${found.Runtimes.join(" ")}`,
    "Security Options:",
    " seccomp",
    "  Profile: default",
    `Kernel Version: ${found.KernelVersion}`,
    `Operating System: ${found.OperatingSystem}`,
    `OSType: ${found.OSType}`,
    `Architecture: ${found.Architecture}`,
    `CPUs: ${found.NCPU}`,
    `Total Memory: ${binarySize(found.MemTotal)}`,
    `Name: ${found.Name}`,
    `Docker Root Dir: ${found.DockerRootDir}`,
    ...(insecure.length > 0 ? ["Insecure Registries:", ...insecure.map((each) => ` ${each}`)] : []),
    ...(mirrors.length > 0 ? ["Registry Mirrors:", ...mirrors.map((each) => ` ${each}`)] : []),
  ];
}

export const version = command({
  path: ["version"],
  section: "System",
  storeless: true,
  usage: "[OPTIONS]",
  summary: "Show the version",
  examples: [{ text: "For a script", command: "varve version -f '{{.Version}}'" }],
  flags: recordFlags,
  args: { min: 0, max: 0 },
  async run({ app, flags }) {
    const record = {
      Version: varveVersion,
      NodeVersion: process.version.slice(1),
      Os: process.platform,
      Arch: arch() === "x64" ? "amd64" : arch(),
      KernelVersion: release(),
    };
    const lines = [
      "varve:",
      ` Version:      ${record.Version}`,
      ` Node version: ${record.NodeVersion}`,
      ` OS/Arch:      ${record.Os}/${record.Arch}`,
      ` Kernel:       ${record.KernelVersion}`,
    ];
    app.stdout.write(
      renderRecord(record, { format: flags.format, json: app.json }) ?? `${lines.join("\n")}\n`,
    );
  },
});

export const systemPrune = command({
  path: ["system", "prune"],
  section: "System",
  usage: "[OPTIONS]",
  summary: "Remove stopped containers, unused networks and images, build cache and what crashes left behind",
  examples: [{ text: "Also named images without a container", command: "varve system prune --all" }],
  flags: {
    all: { kind: "boolean", short: "a", help: "Remove all unused images not just dangling ones" },
    filter: {
      kind: "list",
      type: "filter",
      help: "Only what matches: until=TIMESTAMP, label=KEY[=VALUE], label!=KEY[=VALUE]",
    },
    force: { kind: "boolean", short: "f", help: "Accepted for Docker's sake: varve does not ask" },
    volumes: { kind: "boolean", help: "Remove also volumes without a name that no container has" },
  },
  args: { min: 0, max: 0 },
  async run({ app, flags, signal }) {
    const engine = await app.engine();
    const { admits, until, labels, withoutLabels } = await pruneFilters(flags.filter);
    if (until !== undefined && flags.volumes) {
      throw new Failure("invalid", 'The "until" filter is not supported with "--volumes"');
    }
    const { spaceReclaimed, ...others } = await engine.system.prune({
      all: flags.all,
      only: admits,
      ...(until !== undefined && { unusedSince: until }),
      signal,
    });
    const networks = await engine.networks.prune({ until: until ?? Infinity, labels, withoutLabels });
    const volumes = flags.volumes ? await engine.volumes.prune({ labels, withoutLabels }) : undefined;
    const pruned = {
      ...others,
      networks,
      ...(volumes !== undefined && { volumes: volumes.VolumesDeleted }),
      spaceReclaimed: spaceReclaimed + (volumes?.SpaceReclaimed ?? 0),
    };
    const section = (title: string, lines: readonly string[]): string[] =>
      lines.length > 0 ? [title, ...lines, ""] : [];
    result(app, pruned, [
      ...section("Deleted Containers:", pruned.containers),
      ...section("Deleted Networks:", networks),
      ...section("Deleted Volumes:", volumes?.VolumesDeleted ?? []),
      ...section(
        "Deleted Images:",
        pruned.images.map((each) => removedText(each).replace(/^\w+/, (word) => word.toLowerCase())),
      ),
      ...section("Deleted build cache objects:", pruned.buildCache.map(cacheId)),
      `Total reclaimed space: ${humanSize(pruned.spaceReclaimed, 4)}`,
    ]);
  },
});

export const systemGc = command({
  path: ["system", "gc"],
  section: "System",
  usage: "[OPTIONS]",
  summary: "Remove what no image, container or running process refers to",
  details: "Crashes and interrupted transfers leave such things; nothing that is visible is ever among them.",
  examples: [{ text: "See first what would go", command: "varve system gc --dry-run" }],
  flags: { "dry-run": { kind: "boolean", help: "Only say what would be removed" } },
  args: { min: 0, max: 0 },
  async run({ app, flags }) {
    const report = await (await app.engine()).system.collectGarbage({ dryRun: flags["dry-run"] });
    const verb = flags["dry-run"] ? "would remove" : "removed";
    result(app, report, [
      ...report.removed.map((each) => `${verb} ${each.what} (${humanSize(each.bytes)}): ${each.reason}`),
      `${flags["dry-run"] ? "Reclaimable" : "Total reclaimed"} space: ${humanSize(report.bytes, 4)}`,
    ]);
  },
});

export const systemCheck = command({
  path: ["system", "check"],
  aliases: [["fsck"]],
  section: "System",
  usage: "[OPTIONS]",
  summary: "Look for damage in the root",
  examples: [
    { text: "Hash every layer again", command: "varve system check --deep" },
    { text: "Fetch damaged layers again, and nothing else", command: "varve system check --deep --repair" },
  ],
  flags: {
    deep: { kind: "boolean", help: "Re-assemble and hash every layer" },
    repair: { kind: "boolean", help: "Fetch damaged layers again (driver erofs)" },
  },
  args: { min: 0, max: 0 },
  async run({ app, flags, signal }) {
    const { system } = await app.engine();
    const found = await system.check({ deep: flags.deep });
    const { repaired, problems } = flags.repair
      ? await system.repair(found, { signal })
      : { repaired: [], problems: found };
    const lines = [
      ...repaired.map(({ chainId, source }) => `layer ${chainId}: repaired from ${source}`),
      ...problems.map((problem) => `${problem.subject}: ${problem.message}; ${problem.hint}`),
    ];
    result(
      app,
      flags.repair ? { repaired, problems } : problems,
      found.length === 0 ? ["no problems found"] : lines,
    );
    return problems.length === 0 ? 0 : 1;
  },
});
