/** What a container runs: the image's Entrypoint, Cmd and Env merged with the user's, by Docker's rules. */
import { Failure } from "../errors.ts";
import type { ContainerConfig } from "../oci/index.ts";

export interface CommandChoice {
  /** `--entrypoint`: undefined keeps the image's; [] or [""] takes it away. */
  readonly entrypoint?: readonly string[];
  /** The words after the image name. */
  readonly command?: readonly string[];
}

/**
 * Entrypoint and Cmd of the container. An entrypoint of the user's drops the image's Cmd as well.
 * @returns what `inspect` shows as `Config.Entrypoint` and `Config.Cmd`
 */
export function mergeCommand(
  image: ContainerConfig,
  choice: CommandChoice,
): { readonly entrypoint: readonly string[]; readonly command: readonly string[] } {
  const command = choice.command ?? [];
  if (choice.entrypoint === undefined)
    return { entrypoint: image.Entrypoint ?? [], command: command.length > 0 ? command : (image.Cmd ?? []) };
  const none = choice.entrypoint.length === 1 && choice.entrypoint[0] === "";
  return { entrypoint: none ? [] : choice.entrypoint, command };
}

/** The words that are run. @throws {Failure} `invalid` when there are none, in Docker's words */
export function containerArgs(image: ContainerConfig, choice: CommandChoice): readonly string[] {
  const { entrypoint, command } = mergeCommand(image, choice);
  const args = [...entrypoint, ...command];
  if (args.length === 0) throw new Failure("invalid", "No command specified");
  return args;
}

/**
 * The user's variables, then those of the image that the user did not name: what `inspect` shows as `Config.Env`.
 * An entry without `=` takes the variable away (`-e NAME` where NAME is not set).
 */
export function mergeEnv(image: readonly string[], user: readonly string[]): readonly string[] {
  const named = new Set(user.map(nameOf));
  return [...user, ...image.filter((entry) => !named.has(nameOf(entry)))];
}

export interface EnvChoice {
  readonly image: readonly string[];
  readonly user: readonly string[];
  readonly hostname: string;
  readonly terminal: boolean;
}

const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The environment of the process: Docker's own variables first, each overridden in its place. */
export function containerEnv(choice: EnvChoice): readonly string[] {
  const own = [defaultPath, `HOSTNAME=${choice.hostname}`, ...(choice.terminal ? ["TERM=xterm"] : [])];
  const byName = new Map(own.map((entry) => [nameOf(entry), entry]));
  // A Map keeps the place of a key that is set again.
  for (const entry of mergeEnv(choice.image, choice.user)) {
    if (entry.includes("=")) byName.set(nameOf(entry), entry);
    else byName.delete(entry);
  }
  return [...byName.values()];
}

function nameOf(entry: string): string {
  return entry.split("=", 1)[0] as string;
}
