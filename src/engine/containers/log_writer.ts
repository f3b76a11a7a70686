/** The log of a container as its `HostConfig.LogConfig` wants it. */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { Failure } from "../../errors.ts";
import {
  checkLogOptions,
  CriLog,
  JsonFileLog,
  LocalLog,
  rotationOf,
  type LogDriver,
  type LogOptions,
  type LogWriter,
} from "../../runtime/index.ts";
import type { Store } from "../../store/index.ts";
import { expressionTest } from "../name_pattern.ts";
import { containerDirectory, type ContainerRecord, type HostConfig } from "./record.ts";

interface LogConfig {
  readonly driver: LogDriver;
  readonly options: LogOptions;
}

/**
 * @throws Failure("invalid") in Docker's words for a driver or an option that there is not
 */
export function logConfigOf(hostConfig: Partial<HostConfig>): LogConfig {
  const given = hostConfig["LogConfig"] as
    { readonly Type?: string; readonly Config?: LogOptions | null } | null | undefined;
  const options = given?.Config ?? {};
  return { driver: checkLogOptions(given?.Type || "json-file", options), options };
}

/** @throws Failure("invalid") in Docker's words, also for what an option cannot be */
export function checkLog(hostConfig: Partial<HostConfig>): void {
  const { driver, options } = logConfigOf(hostConfig);
  if (driver === "json-file" || driver === "local") rotationOf(driver, options);
}

/** The file that is written now; undefined: nothing is kept. */
export function logPathOf(store: Store, record: ContainerRecord, driver: LogDriver): string | undefined {
  const directory = containerDirectory(store.root, record.ID);
  if (driver === "none") return undefined;
  if (driver === "cri") return record.LogPath;
  // As Docker has it, whatever the record says: dockerd leaves `LogPath` empty until the first start.
  return driver === "local"
    ? join(directory, "local-logs", "container.log")
    : join(directory, `${record.ID}-json.log`);
}

/**
 * Opens (or makes) it for whoever supervises the container. Undefined: nothing is kept.
 * @throws Failure("invalid") in Docker's words for options that make no sense
 */
export function openLogWriter(
  store: Store,
  record: ContainerRecord,
  hostConfig: HostConfig,
): LogWriter | undefined {
  const { driver, options } = logConfigOf(hostConfig);
  const path = logPathOf(store, record, driver);
  if (driver === "none" || path === undefined) return undefined;
  if (driver === "cri") {
    mkdirSync(dirname(path), { recursive: true });
    return new CriLog(path);
  }
  const rotation = rotationOf(driver, options);
  if (driver === "json-file") {
    return new JsonFileLog(path, { rotation, attributes: attributesOf(record, options) });
  }
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  return new LocalLog(path, rotation);
}

/** moby, daemon/logger/loginfo.go, `ExtraAttributes`. */
function attributesOf(record: ContainerRecord, options: LogOptions): Record<string, string> {
  const labels = Object.entries(record.Config.Labels ?? {});
  const variables = (record.Config.Env ?? []).map((entry): [string, string] => {
    const equals = entry.indexOf("=");
    return equals < 0 ? [entry, ""] : [entry.slice(0, equals), entry.slice(equals + 1)];
  });
  const chosen = [
    ...choose(labels, options["labels"], options["labels-regex"]),
    ...choose(variables, options["env"], options["env-regex"]),
  ];
  const tag = options["tag"] ?? "";
  return { ...Object.fromEntries(chosen), ...(tag !== "" && { tag: expandTag(tag, record) }) };
}

function choose(
  entries: readonly [string, string][],
  list = "",
  pattern = "",
): (readonly [string, string])[] {
  const names = list.split(",").map((name) => name.trim());
  const matches = pattern === "" ? () => false : regular(pattern);
  return entries.filter(([name]) => names.includes(name) || matches(name));
}

function regular(pattern: string): (name: string) => boolean {
  try {
    return expressionTest(pattern);
  } catch (cause) {
    throw new Failure("invalid", `failed to initialize logging driver: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** The fields that a tag may name (docs.docker.com, "Customize log driver output"); nothing else of Go's templates. */
function expandTag(tag: string, record: ContainerRecord): string {
  const fields: Readonly<Record<string, string>> = {
    ID: record.ID.slice(0, 12),
    FullID: record.ID,
    Name: record.Name.replace(/^\//, ""),
    ImageID: record.Image.replace(/^sha256:/, "").slice(0, 12),
    ImageFullID: record.Image,
    ImageName: record.Config.Image ?? "",
    DaemonName: "docker",
  };
  return tag.replace(/\{\{\s*\.(\w+)\s*\}\}/g, (whole, name: string) => fields[name] ?? whole);
}
