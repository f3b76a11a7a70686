/** The two settings of dockerd's `daemon.json` that say how registries are reached. */
import { readFileSync } from "node:fs";
import { Failure } from "../../errors.ts";

export interface DaemonSettings {
  /** Mirrors of docker.io: URLs. */
  readonly mirrors: readonly string[];
  /** `host`, `host:port` or a network such as `10.0.0.0/8`. */
  readonly insecure: readonly string[];
}

const none: DaemonSettings = { mirrors: [], insecure: [] };

/** Reads the file; a missing one sets nothing. Throws `Failure("invalid")` for one that is not as it should be. */
export function readDaemonJson(path: string): DaemonSettings {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    // Without permission to read dockerd's settings an ordinary user goes without them.
    if (["ENOENT", "ENOTDIR", "EACCES"].includes((error as NodeJS.ErrnoException).code ?? "")) return none;
    throw error;
  }
  if (text.trim() === "") return none;
  let settings: unknown;
  try {
    settings = JSON.parse(text);
  } catch (error) {
    throw new Failure("invalid", `read ${path}: not JSON: ${(error as Error).message}`, { cause: error });
  }
  const record = (typeof settings === "object" && settings !== null ? settings : {}) as Record<
    string,
    unknown
  >;
  return {
    mirrors: texts(record["registry-mirrors"], `${path}: registry-mirrors`),
    insecure: texts(record["insecure-registries"], `${path}: insecure-registries`),
  };
}

function texts(value: unknown, where: string): string[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value as string[];
  throw new Failure("invalid", `${where}: expected a list of strings`);
}
