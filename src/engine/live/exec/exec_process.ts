/** From an exec's config to the process that the runtime is asked for, as `docker exec` has it. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  containerCapabilities,
  containerEnv,
  containerUser,
  readRootFile,
  type OciProcess,
  type OciSpec,
} from "../../../runtime/index.ts";
import type { ContainerRecord } from "../../containers/record.ts";
import type { ExecConfig } from "./exec_config.ts";

export interface ConsoleSize {
  readonly columns: number;
  readonly rows: number;
}

/**
 * What the container's first process has (limits, capabilities, no-new-privileges) is the base.
 * @param bundle of the container, which runs
 * @throws Failure("invalid") in Docker's words for a user that there is not
 */
export async function execProcess(
  record: ContainerRecord,
  bundle: string,
  config: ExecConfig,
  size?: ConsoleSize,
): Promise<OciProcess> {
  const spec = JSON.parse(await readFile(join(bundle, "config.json"), "utf8")) as OciSpec;
  const { terminal: _terminal, consoleSize: _size, user, ...first } = spec.process;
  const { root } = spec;
  const accounts = {
    passwd: readRootFile(root.path, "/etc/passwd") ?? "",
    group: readRootFile(root.path, "/etc/group") ?? "",
  };
  const chosen = config.User === "" ? user : containerUser(config.User, [], accounts);
  return {
    ...first,
    ...(config.Tty && { terminal: true }),
    ...(config.Tty && size && { consoleSize: { height: size.rows, width: size.columns } }),
    user: chosen,
    args: config.Cmd,
    env: environment(record, config),
    cwd: config.WorkingDir || record.Config.WorkingDir || "/",
    capabilities: capabilitiesOf(config, chosen.uid, first.capabilities),
  };
}

function environment(record: ContainerRecord, config: ExecConfig): readonly string[] {
  const { Env, Hostname } = record.Config;
  const own = containerEnv({ image: Env ?? [], user: [], hostname: Hostname ?? "", terminal: config.Tty });
  const byName = new Map(own.map((entry) => [nameOf(entry), entry]));
  for (const entry of config.Env) {
    if (entry.includes("=")) byName.set(nameOf(entry), entry);
    else byName.delete(entry);
  }
  return [...byName.values()];
}

const nameOf = (entry: string): string => entry.split("=", 1)[0] as string;

type Capabilities = NonNullable<OciProcess["capabilities"]>;

function capabilitiesOf(config: ExecConfig, uid: number, first: Capabilities = {}): Capabilities {
  const bounding = config.Privileged ? containerCapabilities({ privileged: true }) : (first.bounding ?? []);
  // As in a container's first process: who is not root has to gain them.
  const sets =
    uid === 0 || config.Privileged
      ? (["bounding", "effective", "permitted"] as const)
      : (["bounding"] as const);
  return Object.fromEntries(sets.map((set) => [set, bounding]));
}
