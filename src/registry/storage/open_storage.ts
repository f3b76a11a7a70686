/**
 * Opens the driver that a configuration names. Names and parameters are distribution's; each driver's code is loaded only
 * when it is asked for.
 */
import { Failure } from "../../errors.ts";
import { Parameters, type ParameterValues } from "./parameters.ts";
import type { StorageDriver } from "./types.ts";

export interface StorageConfig {
  /** One of {@link storageDriverNames}. */
  readonly name: string;
  readonly parameters: ParameterValues;
}

type Open = (parameters: ParameterValues) => Promise<StorageDriver>;

const drivers: Readonly<Record<string, Open>> = {
  filesystem: openFilesystem,
  inmemory: openMemory,
  memory: openMemory,
  s3: async (parameters) => (await import("./s3.ts")).openS3(parameters),
  s3aws: async (parameters) => (await import("./s3.ts")).openS3(parameters),
  azure: async (parameters) => (await import("./azure.ts")).openAzure(parameters),
  gcs: async (parameters) => (await import("./gcs.ts")).openGcs(parameters),
  oss: async (parameters) => (await import("./oss.ts")).openOss(parameters),
  swift: async (parameters) => (await import("./swift.ts")).openSwift(parameters),
  custom: async (parameters) => (await import("./custom.ts")).openCustom(parameters),
};

/** Names under `storage:` that are drivers; all others there (`cache`, `delete`, `redirect`, ...) are something else. */
export const storageDriverNames: readonly string[] = Object.keys(drivers);

/**
 * Throws `Failure("invalid")` for an unknown driver and for parameters that are missing, wrong or unknown. Nothing is asked
 * of an object store yet.
 */
export async function openStorage({ name, parameters }: StorageConfig): Promise<StorageDriver> {
  const open = Object.hasOwn(drivers, name) ? drivers[name] : undefined;
  if (open !== undefined) return open(parameters);
  throw new Failure("invalid", `there is no storage driver ${name}`, {
    hint: `There are ${storageDriverNames.join(", ")}.`,
  });
}

/** distribution's default directory; its `maxthreads` bounds Go's threads, of which there are none here. */
async function openFilesystem(values: ParameterValues): Promise<StorageDriver> {
  const parameters = new Parameters("filesystem", values);
  const directory = parameters.text("rootdirectory") ?? "/var/lib/registry";
  parameters.ignore("maxthreads");
  parameters.end();
  return (await import("./filesystem.ts")).filesystemStorage(directory);
}

async function openMemory(values: ParameterValues): Promise<StorageDriver> {
  new Parameters("inmemory", values).end();
  return (await import("./memory.ts")).memoryStorage();
}
