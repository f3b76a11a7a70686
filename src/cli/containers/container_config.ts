/** From the flags of `run` and `create` to what the engine makes a container of: the same for ours and for a daemon's. */
import { readFile } from "node:fs/promises";
import { Failure } from "../../errors.ts";
import type { ContainerConfig } from "../../oci/index.ts";
import type { containerFlags } from "../container_flags.ts";
import { environment } from "../environment.ts";
import type { FlagValues } from "../kit/index.ts";
import { healthConfig } from "./health_config.ts";
import { anonymousVolumes } from "./mount_flags.ts";
import { parsePorts } from "./parse_publish.ts";

export type ContainerFlagValues = FlagValues<typeof containerFlags>;

/** Which of the container's streams the command is joined with. */
export interface AttachedStreams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** Throws `Failure("invalid")` in Docker's words. */
export async function containerConfig(
  flags: ContainerFlagValues,
  [imageName = "", ...words]: readonly string[],
  attached: AttachedStreams,
): Promise<ContainerConfig & Record<string, unknown>> {
  const Healthcheck = await healthConfig(flags);
  const Volumes = anonymousVolumes(flags);
  const { exposed } = parsePorts(flags.publish, flags.expose);
  return {
    Hostname: flags.hostname ?? "",
    Domainname: flags.domainname ?? "",
    User: flags.user ?? "",
    AttachStdin: attached.stdin,
    AttachStdout: attached.stdout,
    AttachStderr: attached.stderr,
    Tty: flags.tty,
    OpenStdin: flags.interactive,
    StdinOnce: flags.interactive && attached.stdin,
    Env: await environment(flags.env, flags["env-file"]),
    Cmd: words.length > 0 ? words : null,
    Image: imageName,
    WorkingDir: flags.workdir ?? "",
    ...(flags.entrypoint !== undefined && { Entrypoint: [flags.entrypoint] }),
    Labels: Object.fromEntries([...(await labelsOf(flags["label-file"])), ...flags.label]),
    ...(Object.keys(exposed).length > 0 && { ExposedPorts: exposed }),
    ...(Volumes !== undefined && { Volumes }),
    ...(Healthcheck !== undefined && { Healthcheck }),
    ...(flags["mac-address"] !== undefined && { MacAddress: flags["mac-address"] }),
    ...(flags["stop-signal"] !== undefined && { StopSignal: flags["stop-signal"] }),
    ...(flags["stop-timeout"] !== undefined && { StopTimeout: flags["stop-timeout"] }),
  };
}

/** One `key=value` a line; `#` begins a comment. */
async function labelsOf(files: readonly string[]): Promise<[string, string][]> {
  const texts = await Promise.all(files.map((file) => readFile(file, "utf8")));
  const lines = texts.flatMap((text) => text.split(/\r?\n/)).map((line) => line.trimStart());
  return lines
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [key = "", ...value] = line.split("=");
      if (/\s/.test(key) || key === "") {
        throw new Failure("invalid", `poorly formatted label: variable '${key}' contains whitespaces`);
      }
      return [key, value.join("=")];
    });
}
