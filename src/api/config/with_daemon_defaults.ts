/** What the daemon's settings say about containers that say nothing themselves. */
import type { DaemonSettings, HostConfig } from "../../engine/index.ts";

interface LogConfig {
  readonly Type?: string;
  readonly Config?: Readonly<Record<string, string>> | null;
}

/** @param given a zero or empty value means the same as none */
export function withDaemonDefaults(
  given: Partial<HostConfig>,
  { containers }: DaemonSettings,
): Partial<HostConfig> {
  const { Ulimits, LogConfig: log, ...others } = containers;
  const absent = Object.entries(others).filter(([name]) => isEmpty(given[name]));
  return {
    ...given,
    ...(Object.fromEntries(absent) as Partial<HostConfig>),
    ...(Ulimits && { Ulimits: joinUlimits(given.Ulimits ?? [], Ulimits) }),
    ...(log !== undefined && {
      LogConfig: joinLog((given["LogConfig"] ?? {}) as LogConfig, log as LogConfig),
    }),
  };
}

const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === "" ||
  value === 0 ||
  (Array.isArray(value) && value.length === 0);

type Ulimits = NonNullable<HostConfig["Ulimits"]>;

function joinUlimits(own: Ulimits, usual: Ulimits): Ulimits {
  const named = new Set(own.map(({ Name }) => Name));
  return [...own, ...usual.filter(({ Name }) => !named.has(Name))];
}

/** Options belong to a driver (moby, daemon/logs.go, `mergeAndVerifyLogConfig`). */
function joinLog({ Type, Config }: LogConfig, usual: LogConfig): LogConfig {
  const isUsual = Type === undefined || Type === "" || Type === usual.Type;
  return isUsual
    ? { Type: usual.Type ?? "", Config: { ...usual.Config, ...Config } }
    : { Type, Config: Config ?? {} };
}
