/** `varve daemon`: the Docker Engine API, for every Docker client. */
import { command, line, type App } from "../app.ts";
import type { DaemonFlags } from "../daemon_program.ts";

/** Where an operator's settings are looked for. */
const usualConfig = "/etc/varve/daemon.json";

export const daemon = command({
  path: ["daemon"],
  section: "Engine",
  usage: "[OPTIONS]",
  summary: "Serve the Docker Engine API until SIGTERM",
  details:
    "Containers run on when it ends, and the next daemon finds them: it has missed no exit code and lost no line of " +
    "their logs. Point Docker's clients at it with DOCKER_HOST. SIGHUP has it read its settings again.",
  examples: [
    {
      text: "For the docker command",
      command: "varve daemon --host unix:///run/varve.sock & DOCKER_HOST=unix:///run/varve.sock docker ps",
    },
    {
      text: "For other machines",
      command:
        "varve daemon -H tcp://0.0.0.0:2376 --tlsverify --tlscacert ca.pem --tlscert cert.pem --tlskey key.pem",
    },
    {
      text: "For Docker's clients and Kubernetes'",
      command: "varve daemon --cri unix:///run/varve-cri.sock",
    },
  ],
  flags: {
    host: {
      kind: "list",
      short: "H",
      type: "ADDRESS",
      help: "Where to listen: unix:///path/to.sock, tcp://127.0.0.1:2375 or fd:// (default unix:///run/varve.sock)",
    },
    cri: {
      kind: "string",
      type: "ADDRESS",
      help: "Serve Kubernetes' Container Runtime Interface as well: unix:///run/varve-cri.sock",
    },
    "cri-network": {
      kind: "string",
      type: "string",
      default: "bridge",
      help: "Network of Kubernetes' pods: a bridge, or none",
    },
    pidfile: { kind: "string", short: "p", type: "file", complete: "file", help: "File for the process ID" },
    group: { kind: "string", short: "G", type: "string", help: "Group that may use the unix socket" },
    "config-file": {
      kind: "string",
      type: "file",
      complete: "file",
      help: `Settings, with the keys of dockerd's daemon.json (default ${usualConfig})`,
    },
    validate: { kind: "boolean", help: "Only say whether the settings are right" },
    "data-root": {
      kind: "string",
      type: "string",
      complete: "directory",
      help: "The same as --root, under dockerd's name",
    },
    "storage-driver": {
      kind: "string",
      short: "s",
      type: "string",
      help: "The same as --driver, under dockerd's name",
    },
    "registry-mirror": { kind: "list", type: "URL", help: "Mirror of docker.io that is asked first" },
    "insecure-registry": {
      kind: "list",
      type: "HOST",
      help: "Registry, or network of registries, that may do without TLS",
    },
    label: { kind: "list", type: "KEY=VALUE", help: "Label of this engine, shown by info" },
    "log-driver": {
      kind: "string",
      type: "string",
      help: "Where containers' output goes (default json-file)",
    },
    "log-opt": { kind: "map", type: "KEY=VALUE", help: "Option of the containers' log driver" },
    dns: { kind: "list", type: "ADDRESS", help: "Name server of containers" },
    init: { kind: "boolean", help: "Run an init in containers that passes signals on" },
    "add-runtime": {
      kind: "map",
      type: "NAME=PATH",
      help: "An OCI runtime that containers may choose, besides runc and crun",
    },
    "default-runtime": {
      kind: "string",
      type: "NAME",
      help: "Runtime of containers that choose none (default runc, or crun where there is none)",
    },
    debug: { kind: "boolean", short: "D", help: "Tell of each request" },
    "log-level": {
      kind: "string",
      short: "l",
      type: "string",
      values: ["debug", "info", "warn", "error", "fatal"],
      help: "What to tell: debug, info, warn, error or fatal",
    },
    tls: { kind: "boolean", help: "Use TLS; --tlsverify implies it" },
    tlsverify: { kind: "boolean", help: "Use TLS, and let in only clients with a certificate" },
    tlscacert: {
      kind: "string",
      type: "file",
      complete: "file",
      help: "Authority that signs clients' certificates (default ~/.docker/ca.pem)",
    },
    tlscert: {
      kind: "string",
      type: "file",
      complete: "file",
      help: "Certificate (default ~/.docker/cert.pem)",
    },
    tlskey: { kind: "string", type: "file", complete: "file", help: "Its key (default ~/.docker/key.pem)" },
  },
  args: { min: 0, max: 0 },
  storeless: true,
  ownSignals: true,
  async run({ app, flags, given }) {
    const { "config-file": path, cri, "cri-network": network } = flags;
    const values: Readonly<Record<string, unknown>> = {
      ...flags,
      "log-opt": Object.fromEntries(flags["log-opt"]),
      "add-runtime": Object.fromEntries([...flags["add-runtime"]].map(([name, path]) => [name, { path }])),
    };
    const options = {
      ...app.engineOptions,
      defaultHost: `unix://${socketPath(app)}`,
      directives: { ...ofGlobals(app), ...ofFlags(values, given) },
      configFile: { path: path ?? usualConfig, named: path !== undefined },
      validate: flags.validate,
    };
    const say = (text: string): void => line(app, text);
    if (cri === undefined) return (await app.daemon()).runDaemon(options, say);
    return (await app.cri()).runDaemonWithCri({ ...options, cri: { host: cri, network } }, say);
  },
});

/** Where clients find it by default. */
export function socketPath({ ordinaryUser }: Pick<App, "ordinaryUser">): string {
  const own = process.env["XDG_RUNTIME_DIR"];
  return ordinaryUser && own !== undefined ? `${own}/varve.sock` : "/run/varve.sock";
}

/** The file's name for what a flag sets. */
const directiveNames: Readonly<Record<string, keyof DaemonFlags>> = {
  host: "hosts",
  pidfile: "pidfile",
  group: "group",
  "data-root": "data-root",
  "storage-driver": "storage-driver",
  "registry-mirror": "registry-mirrors",
  "insecure-registry": "insecure-registries",
  label: "labels",
  "log-driver": "log-driver",
  "log-opt": "log-opts",
  dns: "dns",
  init: "init",
  "add-runtime": "runtimes",
  "default-runtime": "default-runtime",
  debug: "debug",
  "log-level": "log-level",
  tls: "tls",
  tlsverify: "tlsverify",
  tlscacert: "tlscacert",
  tlscert: "tlscert",
  tlskey: "tlskey",
};

function ofFlags(values: Readonly<Record<string, unknown>>, given: ReadonlySet<string>): DaemonFlags {
  const set = Object.entries(directiveNames).filter(([flag]) => given.has(flag));
  return Object.fromEntries(set.map(([flag, name]) => [name, values[flag]]));
}

/** A root that was chosen for the program is one for the daemon: the file may not give another. */
function ofGlobals({ givenGlobals, engineOptions }: App): DaemonFlags {
  const { root, driver, storageOptions = [] } = engineOptions;
  return {
    ...(givenGlobals.has("root") && { "data-root": root }),
    ...(driver !== undefined && { "storage-driver": driver }),
    ...(storageOptions.length > 0 && { "storage-opts": storageOptions }),
  };
}
