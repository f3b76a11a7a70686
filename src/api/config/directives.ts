/** The keys of dockerd's `daemon.json` (moby, daemon/config/config.go and config_linux.go), and what becomes of each here. */

interface Values {
  readonly boolean: boolean;
  readonly string: string;
  readonly integer: number;
  readonly strings: readonly string[];
  readonly texts: Readonly<Record<string, string>>;
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
}

const heeded = <K extends Kind>(kind: K) => ({ kind, use: "heeded" }) as const;
const idle = <K extends Kind>(kind: K) => ({ kind, use: "idle" }) as const;
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
  runtimes: heeded("object"),
  "default-runtime": heeded("string"),
  "no-new-privileges": heeded("boolean"),
  "seccomp-profile": heeded("string"),
  dns: heeded("strings"),
  "dns-opts": heeded("strings"),
  "dns-search": heeded("strings"),
  bip: heeded("string"),
  "fixed-cidr": heeded("string"),
  icc: heeded("boolean"),
  ip: heeded("string"),
  mtu: heeded("integer"),
  "default-address-pools": heeded("objects"),
  "live-restore": heeded("boolean"),

  "api-cors-header": idle("string"),
  "allow-nondistributable-artifacts": idle("strings"),
  bip6: idle("string"),
  bridge: idle("string"),
  "bridge-accept-fwmark": idle("string"),
  builder: idle("object"),
  "cdi-spec-dirs": idle("strings"),
  containerd: idle("string"),
  "containerd-namespace": idle("string"),
  "containerd-plugins-namespace": idle("string"),
  "cpu-rt-period": idle("integer"),
  "cpu-rt-runtime": idle("integer"),
  "default-gateway": idle("string"),
  "default-gateway-v6": idle("string"),
  "default-network-opts": idle("object"),
  "exec-opts": idle("strings"),
  "exec-root": idle("string"),
  experimental: idle("boolean"),
  features: idle("object"),
  "firewall-backend": idle("string"),
  "fixed-cidr-v6": idle("string"),
  "host-gateway-ip": idle("string"),
  "host-gateway-ips": idle("strings"),
  "init-path": idle("string"),
  ip6tables: idle("boolean"),
  "ip-forward": idle("boolean"),
  "ip-forward-no-drop": idle("boolean"),
  "ip-masq": idle("boolean"),
  iptables: idle("boolean"),
  ipv6: idle("boolean"),
  "log-format": idle("string"),
  "metrics-addr": idle("string"),
  "min-api-version": idle("string"),
  "network-control-plane-mtu": idle("integer"),
  "network-diagnostic-port": idle("integer"),
  "node-generic-resources": idle("strings"),
  "oom-score-adjust": idle("integer"),
  "raw-logs": idle("boolean"),
  rootless: idle("boolean"),
  "shutdown-timeout": idle("integer"),
  "swarm-default-advertise-addr": idle("string"),
  "userland-proxy": idle("boolean"),
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

/** Values of a refused directive that change nothing. */
export const harmless: Readonly<Record<string, unknown>> = {
  "allow-direct-routing": false,
  "selinux-enabled": false,
};
