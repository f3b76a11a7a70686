/** Container configs in the shape of Docker's Go struct (moby, api/types/container/config.go). */
import type { ContainerConfig } from "./image_config.ts";

/**
 * Docker's `container.Config` as Go prints it: fixed key order, zero values where a key is absent, and keys marked
 * `omitempty` left out when empty. Unknown keys follow at the end rather than being lost.
 */
export function goContainerConfig(config: ContainerConfig): ContainerConfig {
  const isSet = (value: unknown): boolean =>
    value !== undefined && value !== null && value !== "" && value !== false && !isEmptyCollection(value);
  const optional = (key: string): ContainerConfig => (isSet(config[key]) ? { [key]: config[key] } : {});
  const ordered: ContainerConfig = {
    Hostname: config.Hostname ?? "",
    Domainname: config.Domainname ?? "",
    User: config.User ?? "",
    AttachStdin: config.AttachStdin ?? false,
    AttachStdout: config.AttachStdout ?? false,
    AttachStderr: config.AttachStderr ?? false,
    ...optional("ExposedPorts"),
    Tty: config.Tty ?? false,
    OpenStdin: config.OpenStdin ?? false,
    StdinOnce: config.StdinOnce ?? false,
    Env: config.Env ?? null,
    Cmd: config.Cmd ?? null,
    ...optional("Healthcheck"),
    ...optional("ArgsEscaped"),
    Image: config.Image ?? "",
    Volumes: config.Volumes ?? null,
    WorkingDir: config.WorkingDir ?? "",
    Entrypoint: config.Entrypoint ?? null,
    ...optional("NetworkDisabled"),
    ...optional("MacAddress"),
    OnBuild: config.OnBuild ?? null,
    Labels: config.Labels === undefined || config.Labels === null ? null : sortedRecord(config.Labels),
    ...optional("StopSignal"),
    ...optional("StopTimeout"),
    ...optional("Shell"),
  };
  return { ...ordered, ...Object.fromEntries(Object.entries(config).filter(([key]) => !knownKeys.has(key))) };
}

const knownKeys = new Set(
  (
    "Hostname Domainname User AttachStdin AttachStdout AttachStderr ExposedPorts Tty OpenStdin StdinOnce Env Cmd " +
    "Healthcheck ArgsEscaped Image Volumes WorkingDir Entrypoint NetworkDisabled MacAddress OnBuild Labels " +
    "StopSignal StopTimeout Shell"
  ).split(" "),
);

function isEmptyCollection(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

/** Go prints maps with their keys sorted. */
function sortedRecord<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}
