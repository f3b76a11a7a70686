/** Flags that `run` and `create` share; names, letters and meaning are Docker's. */
import { healthFlags, lifeFlags, namespaceFlags, networkFlags } from "./containers/more_container_flags.ts";
import { mountFlags } from "./containers/mount_flags.ts";
import { deviceFlags, limitFlags } from "./containers/resource_flags.ts";
import type { Flags } from "./kit/index.ts";
import { contentTrust, refusedFlag } from "./refused_flag.ts";

const windows = "it is for Windows containers";

const refusedFlags = {
  "cpu-count": refusedFlag(windows),
  "cpu-percent": refusedFlag(windows),
  "io-maxbandwidth": refusedFlag(windows),
  "io-maxiops": refusedFlag(windows),
  gpus: refusedFlag("give the devices with --device"),
  "kernel-memory": refusedFlag("the kernel has no such limit any more; see --memory"),
  "use-api-socket": refusedFlag("mount the daemon's socket with --mount"),
} as const satisfies Flags;

export const containerFlags = {
  ...networkFlags,
  ...healthFlags,
  ...lifeFlags,
  ...namespaceFlags,
  ...limitFlags,
  ...deviceFlags,
  ...mountFlags,
  ...refusedFlags,
  "add-host": { kind: "list", type: "list", help: "Add a custom host-to-IP mapping (host:ip)" },
  "cap-add": { kind: "list", type: "list", help: "Add Linux capabilities" },
  "cap-drop": { kind: "list", type: "list", help: "Drop Linux capabilities" },
  "disable-content-trust": contentTrust,
  dns: { kind: "list", type: "list", help: "Set custom DNS servers" },
  entrypoint: { kind: "string", type: "string", help: "Overwrite the default ENTRYPOINT of the image" },
  env: { kind: "list", short: "e", type: "list", help: "Set environment variables" },
  "env-file": {
    kind: "list",
    type: "list",
    complete: "file",
    help: "Read in a file of environment variables",
  },
  hostname: { kind: "string", short: "h", type: "string", help: "Container host name" },
  interactive: { kind: "boolean", short: "i", help: "Keep STDIN open even if not attached" },
  isolation: { kind: "string", hidden: true, values: ["", "default"], help: "Isolation technology" },
  label: { kind: "map", short: "l", type: "list", help: "Set meta data on a container" },
  name: { kind: "string", type: "string", help: "Assign a name to the container" },
  network: {
    kind: "list",
    type: "network",
    complete: "network",
    help: "Connect a container to a network; without a daemon none is the default",
  },
  net: { kind: "list", hidden: true, help: "Docker's older name of --network" },
  privileged: { kind: "boolean", help: "Give extended privileges to this container" },
  pull: {
    kind: "string",
    type: "string",
    values: ["always", "missing", "never"],
    default: "missing",
    help: "Pull image before creating: always, missing or never",
  },
  quiet: { kind: "boolean", short: "q", help: "Suppress the pull output" },
  "read-only": { kind: "boolean", help: "Mount the container's root filesystem as read only" },
  "security-opt": {
    kind: "list",
    type: "list",
    help: "Security options: no-new-privileges, seccomp=unconfined",
  },
  "shm-size": { kind: "bytes", help: "Size of /dev/shm" },
  tty: { kind: "boolean", short: "t", help: "Allocate a pseudo-TTY" },
  user: {
    kind: "string",
    short: "u",
    type: "string",
    help: "Username or UID (format: <name|uid>[:<group|gid>])",
  },
  workdir: { kind: "string", short: "w", type: "string", help: "Working directory inside the container" },
} as const satisfies Flags;
