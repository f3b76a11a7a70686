/** The image config: OCI's config.md plus the fields that Docker adds. Unknown fields are kept. */
import type { DiffId } from "./digest.ts";

/** Docker's `Config` object: what a container of the image runs with. */
export interface ContainerConfig {
  Hostname?: string;
  Domainname?: string;
  User?: string;
  AttachStdin?: boolean;
  AttachStdout?: boolean;
  AttachStderr?: boolean;
  ExposedPorts?: Record<string, object> | null;
  Tty?: boolean;
  OpenStdin?: boolean;
  StdinOnce?: boolean;
  Env?: string[] | null;
  Cmd?: string[] | null;
  Healthcheck?: object;
  ArgsEscaped?: boolean;
  Image?: string;
  Volumes?: Record<string, object> | null;
  WorkingDir?: string;
  Entrypoint?: string[] | null;
  NetworkDisabled?: boolean;
  MacAddress?: string;
  OnBuild?: string[] | null;
  Labels?: Record<string, string> | null;
  StopSignal?: string;
  StopTimeout?: number;
  Shell?: string[] | null;
  [unknown: string]: unknown;
}

export interface HistoryRow {
  created?: string;
  author?: string;
  created_by?: string;
  comment?: string;
  empty_layer?: boolean;
}

export interface ImageConfig {
  architecture: string;
  os: string;
  variant?: string;
  "os.version"?: string;
  "os.features"?: string[];
  created?: string;
  author?: string;
  config?: ContainerConfig | null;
  container?: string;
  container_config?: ContainerConfig;
  docker_version?: string;
  rootfs: { type: string; diff_ids?: DiffId[] | null };
  history?: HistoryRow[] | null;
  [unknown: string]: unknown;
}
