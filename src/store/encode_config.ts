/**
 * Image configs as Docker writes them, to the byte (behaviours B132): compact JSON in Go's spelling, keys of the
 * outermost object in byte order, and below it in the order in which Docker's Go structs declare their fields
 * (moby, api/types/container.Config, image.RootFS, image.History). Maps have sorted keys.
 */
import { goJson, type ContainerConfig, type HistoryRow, type ImageConfig } from "../oci/index.ts";

const containerFields = [
  "Hostname",
  "Domainname",
  "User",
  "AttachStdin",
  "AttachStdout",
  "AttachStderr",
  "ExposedPorts",
  "Tty",
  "OpenStdin",
  "StdinOnce",
  "Env",
  "Cmd",
  "Healthcheck",
  "ArgsEscaped",
  "Image",
  "Volumes",
  "WorkingDir",
  "Entrypoint",
  "NetworkDisabled",
  "MacAddress",
  "OnBuild",
  "Labels",
  "StopSignal",
  "StopTimeout",
  "Shell",
] as const satisfies readonly (keyof ContainerConfig)[];

const maps = new Set(["ExposedPorts", "Volumes", "Labels"]);
const historyFields = ["created", "author", "created_by", "comment", "empty_layer"] as const;
const healthFields = ["Test", "Interval", "Timeout", "StartPeriod", "StartInterval", "Retries"] as const;

/** The bytes whose digest is the image ID. Fields that Docker does not know follow in byte order. */
export function encodeConfig(config: ImageConfig): Uint8Array {
  const shaped = {
    ...config,
    ...shape(config, "config", containerConfig),
    ...shape(config, "container_config", containerConfig),
    ...shape(config, "rootfs", (rootfs: object) => inOrder(rootfs, ["type", "diff_ids"])),
    ...shape(config, "history", (rows: HistoryRow[]) => rows.map((row) => inOrder(row, historyFields))),
  };
  return Buffer.from(goJson(shaped, { sortKeys: "top" }), "utf8");
}

/** `key` of the object put through `change`, as an object to spread; nothing where it is absent or null. */
function shape<T>(from: object, key: string, change: (value: T) => unknown): object {
  const value = (from as Record<string, unknown>)[key];
  return value === undefined || value === null ? {} : { [key]: change(value as T) };
}

function containerConfig(config: ContainerConfig): ReadonlyMap<string, unknown> {
  const ordered = inOrder(config, containerFields);
  for (const [key, value] of ordered) {
    if (typeof value !== "object" || value === null) continue;
    if (maps.has(key)) ordered.set(key, inOrder(value, []));
    if (key === "Healthcheck") ordered.set(key, inOrder(value, healthFields));
  }
  return ordered;
}

/** A Map keeps any order; in an object, keys that look like numbers would come first. */
function inOrder(value: object, first: readonly string[]): Map<string, unknown> {
  const entries = Object.entries(value);
  const place = new Map(first.map((key, index) => [key, index]));
  entries.sort(
    ([a], [b]) =>
      (place.get(a) ?? first.length) - (place.get(b) ?? first.length) ||
      Buffer.compare(Buffer.from(a), Buffer.from(b)),
  );
  return new Map(entries);
}
