/** What of an image is compared: its tree, its config, and its history. */
import type { ImageTree } from "./tree_lines.ts";

type Json = Readonly<Record<string, unknown>>;

export interface Summary {
  /** Since the base image: {@link changesSince}. */
  readonly tree: ImageTree;
  /** What containers are made from. */
  readonly config: Json;
  /** Rows, without those of the base image. */
  readonly history: number;
  /** All of the config but ids and times, with the history's texts; of dockerd. */
  readonly classic?: Json;
}

/** Config of an image as it is stored. */
export interface RawConfig extends Json {
  readonly architecture?: string;
  readonly config?: Json | null;
  readonly container_config?: Json;
  readonly history?: readonly Json[] | null;
}

const compared =
  "User ExposedPorts Env Entrypoint Cmd Volumes WorkingDir Labels StopSignal Healthcheck Shell OnBuild".split(
    " ",
  );

const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === "" ||
  (typeof value === "object" && Object.keys(value).length === 0);

const hostArchitecture = ({ x64: "amd64" } as Record<string, string>)[process.arch] ?? process.arch;

export function summaryOf(raw: RawConfig, tree: ImageTree, isClassic: boolean): Summary {
  const { author, os, architecture, config } = raw;
  const parts = compared.map((key) => [key, config?.[key]] as const);
  const platform = { os, architecture: architecture === hostArchitecture ? "host" : architecture };
  const facts = Object.entries({ author, ...platform, ...Object.fromEntries(parts) });
  const rows = (raw.history ?? []).filter(({ comment }) => comment !== "Imported from -");
  return {
    tree,
    config: Object.fromEntries(
      facts.filter(([, value]) => !isEmpty(value)).map(([key, value]) => [key, sorted(value)]),
    ),
    history: rows.length,
    ...(isClassic && { classic: classicOf(raw, rows) }),
  };
}

/** Without what is another at each build, or with each version of Docker. */
function classicOf(raw: RawConfig, rows: readonly Json[]): Json {
  const {
    created: _created,
    container: _container,
    docker_version: _version,
    rootfs: _rootfs,
    ...rest
  } = raw;
  const anonymous = (config: Json | null | undefined): unknown =>
    config && { ...config, Hostname: "", Image: (config["Image"] ?? "") === "" ? "" : "an image" };
  return sorted({
    ...rest,
    architecture: rest.architecture === hostArchitecture ? "host" : rest.architecture,
    config: anonymous(rest.config),
    container_config: anonymous(rest.container_config),
    history: rows.map(({ created: _time, ...row }) => row),
  }) as Json;
}

/** Keys of maps in order, since their order means nothing. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
