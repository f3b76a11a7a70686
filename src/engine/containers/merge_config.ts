/** What a container runs with: the user's settings over the image's, by Docker's rules. */
import type { ContainerConfig } from "../../oci/index.ts";

/**
 * - A scalar of the user's wins.
 * - Env: the user's list, then the image's variables that the user did not name.
 * - Entrypoint and Cmd: a Cmd of the user's replaces the image's; an Entrypoint of the user's (also an empty one)
 *   drops the image's Cmd as well.
 * - Maps (labels, volumes, ports) are joined, the user's entries winning.
 */
export function mergeConfig(user: ContainerConfig, image: ContainerConfig): ContainerConfig {
  const labels = { ...image.Labels, ...user.Labels };
  const volumes = { ...image.Volumes, ...user.Volumes };
  const ports = { ...image.ExposedPorts, ...user.ExposedPorts };
  return {
    ...user,
    ...commandOf(user, image),
    User: user.User || image.User || "",
    WorkingDir: user.WorkingDir || image.WorkingDir || "",
    Env: mergeEnv(user.Env ?? [], image.Env ?? []),
    Labels: labels,
    Volumes: Object.keys(volumes).length > 0 ? volumes : null,
    ...(Object.keys(ports).length > 0 && { ExposedPorts: ports }),
    ...optional("Healthcheck", user.Healthcheck ?? image.Healthcheck),
    ...optional("StopSignal", user.StopSignal || image.StopSignal),
    ...optional("Shell", user.Shell ?? image.Shell),
    OnBuild: null,
  };
}

function commandOf(user: ContainerConfig, image: ContainerConfig): Pick<ContainerConfig, "Cmd" | "Entrypoint"> {
  if (user.Entrypoint !== undefined && user.Entrypoint !== null) {
    const entrypoint = user.Entrypoint.filter((word) => word !== "");
    return { Entrypoint: entrypoint.length > 0 ? entrypoint : null, Cmd: user.Cmd ?? null };
  }
  const cmd = user.Cmd !== undefined && user.Cmd !== null && user.Cmd.length > 0 ? user.Cmd : image.Cmd;
  return { Entrypoint: image.Entrypoint ?? null, Cmd: cmd ?? null };
}

function mergeEnv(user: readonly string[], image: readonly string[]): string[] {
  const nameOf = (variable: string): string => variable.split("=", 1)[0] as string;
  const named = new Set(user.map(nameOf));
  return [...user, ...image.filter((variable) => !named.has(nameOf(variable)))];
}

function optional(key: string, value: unknown): ContainerConfig {
  return value === undefined || value === null || value === "" ? {} : { [key]: value };
}
