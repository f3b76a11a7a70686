/** Flags of `run` and `create` about networks, health, life and namespaces; names, letters and meaning are Docker's. */
import type { Flags } from "../kit/index.ts";

export const networkFlags = {
  "dns-option": { kind: "list", type: "list", help: "Set DNS options" },
  "dns-opt": { kind: "list", hidden: true, help: "Docker's older name of --dns-option" },
  "dns-search": { kind: "list", type: "list", help: "Set custom DNS search domains" },
  domainname: { kind: "string", type: "string", help: "Container NIS domain name" },
  expose: { kind: "list", type: "list", help: "Expose a port or a range of ports" },
  ip: { kind: "string", type: "string", help: "IPv4 address (e.g., 172.30.100.104)" },
  ip6: { kind: "string", type: "string", help: "IPv6 address (e.g., 2001:db8::33)" },
  link: { kind: "list", type: "list", help: "Add link to another container" },
  "link-local-ip": { kind: "list", type: "list", help: "Container IPv4/IPv6 link-local addresses" },
  "mac-address": {
    kind: "string",
    type: "string",
    help: "Container MAC address (e.g., 92:d0:c6:0a:29:33)",
  },
  "net-alias": { kind: "list", hidden: true, help: "Docker's older name of --network-alias" },
  "network-alias": { kind: "list", type: "list", help: "Add network-scoped alias for the container" },
  publish: {
    kind: "list",
    short: "p",
    type: "list",
    help: "Publish a container's port(s) to the host",
  },
  "publish-all": {
    kind: "boolean",
    short: "P",
    help: "Publish all exposed ports to random ports",
  },
} as const satisfies Flags;

export const healthFlags = {
  "health-cmd": { kind: "string", type: "string", help: "Command to run to check health" },
  "health-interval": {
    kind: "string",
    type: "duration",
    help: "Time between running the check (ms|s|m|h)",
  },
  "health-retries": {
    kind: "number",
    integer: true,
    type: "int",
    help: "Consecutive failures needed to report unhealthy",
  },
  "health-start-interval": {
    kind: "string",
    type: "duration",
    help: "Time between running the check during the start period (ms|s|m|h)",
  },
  "health-start-period": {
    kind: "string",
    type: "duration",
    help: "Start period for the container to initialize before starting health-retries countdown (ms|s|m|h)",
  },
  "health-timeout": {
    kind: "string",
    type: "duration",
    help: "Maximum time to allow one check to run (ms|s|m|h)",
  },
  "no-healthcheck": { kind: "boolean", help: "Disable any container-specified HEALTHCHECK" },
} as const satisfies Flags;

export const lifeFlags = {
  annotation: { kind: "map", type: "map", help: "Add an annotation to the container" },
  cidfile: { kind: "string", type: "string", complete: "file", help: "Write the container ID to the file" },
  "group-add": { kind: "list", type: "list", help: "Add additional groups to join" },
  init: {
    kind: "boolean",
    help: "Run an init inside the container that forwards signals and reaps processes",
  },
  "label-file": {
    kind: "list",
    type: "list",
    complete: "file",
    help: "Read in a line delimited file of labels",
  },
  "log-driver": { kind: "string", type: "string", help: "Logging driver for the container" },
  "log-opt": { kind: "map", type: "list", help: "Log driver options" },
  platform: { kind: "string", type: "string", help: "Set platform if server is multi-platform capable" },
  restart: {
    kind: "string",
    type: "string",
    default: "no",
    help: "Restart policy to apply when a container exits: no, always, unless-stopped, on-failure[:max-retries]",
  },
  runtime: { kind: "string", type: "string", help: "Runtime to use for this container" },
  "stop-signal": { kind: "string", type: "string", help: "Signal to stop the container" },
  "stop-timeout": {
    kind: "number",
    integer: true,
    type: "int",
    help: "Timeout (in seconds) to stop a container",
  },
} as const satisfies Flags;

export const namespaceFlags = {
  "cgroup-parent": { kind: "string", type: "string", help: "Optional parent cgroup for the container" },
  cgroupns: {
    kind: "string",
    type: "string",
    values: ["", "host", "private"],
    help: "Cgroup namespace to use (host|private)",
  },
  ipc: { kind: "string", type: "string", help: "IPC mode to use" },
  pid: { kind: "string", type: "string", help: "PID namespace to use" },
  sysctl: { kind: "map", type: "map", help: "Sysctl options" },
  userns: { kind: "string", type: "string", help: "User namespace to use" },
  uts: { kind: "string", type: "string", help: "UTS namespace to use" },
} as const satisfies Flags;
