/** What a container runs with: the user's settings over the image's, by Docker's rules. */
import { posix } from "node:path";
import type { ContainerConfig } from "../../oci/index.ts";
import { mergeCommand, mergeEnv } from "../../runtime/index.ts";

/** A scalar of the user's wins; maps (labels, volumes, ports) are joined, the user's entries winning. */
export function mergeConfig(user: ContainerConfig, image: ContainerConfig): ContainerConfig {
  const { entrypoint, command } = mergeCommand(image, {
    ...(user.Entrypoint !== undefined && user.Entrypoint !== null && { entrypoint: user.Entrypoint }),
    ...(user.Cmd !== undefined && user.Cmd !== null && { command: user.Cmd }),
  });
  const volumes = { ...image.Volumes, ...user.Volumes };
  const ports = { ...image.ExposedPorts, ...user.ExposedPorts };
  return {
    ...user,
    Entrypoint: entrypoint.length > 0 ? [...entrypoint] : null,
    Cmd: command.length > 0 ? [...command] : null,
    User: user.User || image.User || "",
    WorkingDir: cleanDirectory(user.WorkingDir || image.WorkingDir || ""),
    Env: user.Env || image.Env ? [...mergeEnv(image.Env ?? [], user.Env ?? [])] : null,
    Labels: { ...image.Labels, ...user.Labels },
    Volumes: Object.keys(volumes).length > 0 ? volumes : null,
    ...(Object.keys(ports).length > 0 && { ExposedPorts: ports }),
    ...optional("Healthcheck", mergeHealth(user.Healthcheck, image.Healthcheck)),
    ...optional("StopSignal", user.StopSignal || image.StopSignal),
    ...optional("Shell", user.Shell ?? image.Shell),
    OnBuild: null,
  };
}

/** Without a slash at its end, `.` and `..` (moby, container/container.go, `SetupWorkingDirectory`). */
function cleanDirectory(path: string): string {
  return path && posix.normalize(path).replace(/(?<=.)\/$/, "");
}

/** What the user's does not say is the image's (moby, daemon/commit.go, `merge`). */
function mergeHealth(
  user: ContainerConfig["Healthcheck"],
  image: ContainerConfig["Healthcheck"],
): ContainerConfig["Healthcheck"] {
  const said = Object.entries(user ?? {}).filter(
    ([, value]) => value && (!Array.isArray(value) || value.length > 0),
  );
  return said.length === 0 ? (image ?? user) : { ...image, ...Object.fromEntries(said) };
}

function optional(key: string, value: unknown): ContainerConfig {
  return value === undefined || value === null || value === "" ? {} : { [key]: value };
}
