/** The keys of dockerd's `daemon.json` (moby, daemon/config/config.go and config_linux.go), and what becomes of each here. */

interface Values {
  readonly boolean: boolean;
  readonly string: string;
  readonly integer: number;
  readonly strings: readonly string[];
  readonly texts: Readonly<Record<string, string>>;
  readonly truths: Readonly<Record<string, boolean>>;
  readonly object: Readonly<Record<string, unknown>>;
  readonly objects: readonly Readonly<Record<string, unknown>>[];
}
type Kind = keyof Values;

export interface Directive {
  readonly kind: Kind;
  /**
   * Whether it is heeded. `idle`: nothing here that it could change, which is told. `refused`: it asks for a protection that
   * there is not, and whoever asked must not believe to have it.
   */
  readonly use: "heeded" | "idle" | "refused";
  /** Why it is idle, in a few words. */
  readonly why?: string;
}

const heeded = <K extends Kind>(kind: K) => ({ kind, use: "heeded" }) as const;
const idle = <K extends Kind>(kind: K, why?: string) =>
  ({ kind, use: "idle", ...(why !== undefined && { why }) }) as const;
const refused = <K extends Kind>(kind: K) => ({ kind, use: "refused" }) as const;

export const directives = {
  "data-root": heeded("string"),
  hosts: heeded("strings"),
  group: heeded("string"),
  pidfile: heeded("string"),
  debug: heeded("boolean"),
  "log-level": heeded("string"),
  "storage-driver": heeded("string"),
  "storage-opts": heeded("strings"),
  "registry-mirrors": heeded("strings"),
  "insecure-registries": heeded("strings"),
  // Of `proxies`, and where the flags that dockerd had first put them.
  proxies: heeded("object"),
  "http-proxy": heeded("string"),
  "https-proxy": heeded("string"),
  "no-proxy": heeded("string"),
  "max-concurrent-downloads": heeded("integer"),
  "max-concurrent-uploads": heeded("integer"),
  "max-download-attempts": heeded("integer"),
  labels: heeded("strings"),
  tls: heeded("boolean"),
  tlsverify: heeded("boolean"),
  tlscacert: heeded("string"),
  tlscert: heeded("string"),
  tlskey: heeded("string"),
  "log-driver": heeded("string"),
  "log-opts": heeded("texts"),
  "default-ulimits": heeded("object"),
  "default-shm-size": heeded("string"),
  "default-cgroupns-mode": heeded("string"),
  "default-ipc-mode": heeded("string"),
  "cgroup-parent": heeded("string"),
  init: heeded("boolean"),
  "init-path": heeded("string"),
  runtimes: heeded("object"),
  "default-runtime": heeded("string"),
  "no-new-privileges": heeded("boolean"),
  "seccomp-profile": heeded("string"),
  dns: heeded("strings"),
  "dns-opts": heeded("strings"),
  "dns-search": heeded("strings"),
  bip: heeded("string"),
  "fixed-cidr": heeded("string"),
  ipv6: heeded("boolean"),
  bip6: heeded("string"),
  "fixed-cidr-v6": heeded("string"),
  "default-gateway": heeded("string"),
  "default-gateway-v6": heeded("string"),
  "ip-masq": heeded("boolean"),
  "host-gateway-ip": heeded("string"),
  "userland-proxy": heeded("boolean"),
  "default-network-opts": heeded("object"),
  icc: heeded("boolean"),
  ip: heeded("string"),
  mtu: heeded("integer"),
  "default-address-pools": heeded("objects"),
  "live-restore": heeded("boolean"),
  experimental: heeded("boolean"),
  features: heeded("truths"),

  "api-cors-header": idle("string"),
  "allow-nondistributable-artifacts": idle("strings"),
  bridge: idle("string"),
  "bridge-accept-fwmark": idle("string"),
  builder: idle("object"),
  "cdi-spec-dirs": idle("strings"),
  containerd: idle("string"),
  "containerd-namespace": idle("string"),
  "containerd-plugins-namespace": idle("string"),
  "cpu-rt-period": idle("integer"),
  "cpu-rt-runtime": idle("integer"),
  "exec-opts": idle("strings", "the cgroup driver is cgroupfs"),
  "exec-root": idle("string"),
  "firewall-backend": idle("string"),
  "host-gateway-ips": idle("strings"),
  ip6tables: idle("boolean"),
  "ip-forward": idle("boolean"),
  "ip-forward-no-drop": idle("boolean"),
  iptables: idle("boolean"),
  "log-format": idle("string"),
  "metrics-addr": idle("string"),
  "min-api-version": idle("string"),
  "network-control-plane-mtu": idle("integer"),
  "network-diagnostic-port": idle("integer"),
  "node-generic-resources": idle("strings"),
  "oom-score-adjust": idle("integer"),
  "raw-logs": idle("boolean"),
  rootless: idle("boolean"),
  "shutdown-timeout": idle("integer", "containers outlive the daemon"),
  "swarm-default-advertise-addr": idle("string"),
  "userland-proxy-path": idle("string"),

  "allow-direct-routing": refused("boolean"),
  "authorization-plugins": refused("strings"),
  "selinux-enabled": refused("boolean"),
  "userns-remap": refused("string"),
} as const satisfies Readonly<Record<string, Directive>>;

export type DirectiveName = keyof typeof directives;

/** What was set, in a file or by flags. */
export type Directives = {
  readonly [K in DirectiveName]?: Values[(typeof directives)[K]["kind"]];
};

export function isDirective(name: string): name is DirectiveName {
  return Object.hasOwn(directives, name);
}

/** Values that ask for what is so anyway. */
const harmless: Readonly<Record<string, unknown>> = {
  "allow-direct-routing": false,
  "exec-opts": ["native.cgroupdriver=cgroupfs"],
  "firewall-backend": "iptables",
  ip6tables: true,
  "ip-forward": true,
  "ip-forward-no-drop": false,
  iptables: true,
  "log-format": "text",
  rootless: false,
  "selinux-enabled": false,
};

/** Whether the value asks for nothing that there is not. */
export function isHarmless(name: DirectiveName, value: unknown): boolean {
  const isEmpty = value === "" || (typeof value === "object" && Object.keys(value ?? {}).length === 0);
  return isEmpty || JSON.stringify(value) === JSON.stringify(harmless[name]);
}
