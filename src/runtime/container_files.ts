/**
 * `/etc/hosts`, `/etc/hostname` and `/etc/resolv.conf` of a container, as Docker writes them. They lie in the
 * container's own directory and are bind-mounted over those of the image, so what is written to them reaches no
 * layer (behaviours B027).
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isIP } from "node:net";
import type { FileMounts } from "./container_mounts.ts";

export interface HostEntry {
  readonly name: string;
  readonly address: string;
}

export interface ContainerFilesOptions {
  readonly hostname: string;
  /** Whether the container shares the host's network: then it gets copies of the host's files. */
  readonly hostNetwork: boolean;
  /** `--add-host`. */
  readonly extraHosts?: readonly HostEntry[];
  /** Addresses of the container itself, on networks that it has. */
  readonly addresses?: readonly string[];
  readonly dns?: readonly string[];
  readonly dnsSearch?: readonly string[];
  readonly dnsOptions?: readonly string[];
  /** Where the host's files are; default /etc. */
  readonly hostEtc?: string;
}

const localHosts: readonly (readonly [address: string, names: string])[] = [
  ["127.0.0.1", "localhost"],
  ["::1", "localhost ip6-localhost ip6-loopback"],
  ["fe00::0", "ip6-localnet"],
  ["ff00::0", "ip6-mcastprefix"],
  ["ff02::1", "ip6-allnodes"],
  ["ff02::2", "ip6-allrouters"],
];

/**
 * Writes the three files into a directory, which is made if missing, and tells where they are.
 * @throws what node:fs throws
 */
export async function writeContainerFiles(
  directory: string,
  options: ContainerFilesOptions,
): Promise<FileMounts> {
  await mkdir(directory, { recursive: true, mode: 0o710 });
  const etc = options.hostEtc ?? "/etc";
  const [hosts, resolvConf] = await Promise.all([
    readHostFile(etc, "hosts"),
    readHostFile(etc, "resolv.conf"),
  ]);
  const paths = {
    resolvConf: join(directory, "resolv.conf"),
    hostname: join(directory, "hostname"),
    hosts: join(directory, "hosts"),
  };
  await writeFile(paths.hosts, hostsFile(options, hosts), { mode: 0o644 });
  await writeFile(paths.hostname, `${options.hostname}\n`, { mode: 0o644 });
  await writeFile(paths.resolvConf, resolvConfFile(options, resolvConf), { mode: 0o644 });
  return paths;
}

async function readHostFile(etc: string, name: string): Promise<string> {
  return readFile(join(etc, name), "latin1").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
}

/** @param hostFile the host's own /etc/hosts, used with its network */
export function hostsFile(options: ContainerFilesOptions, hostFile: string): string {
  const base = options.hostNetwork
    ? hostFile
    : localHosts.map(([address, names]) => `${address}\t${names}\n`).join("");
  const own = (options.addresses ?? []).map((address) => `${address}\t${options.hostname}\n`);
  const extra = (options.extraHosts ?? []).map(({ name, address }) => `${address}\t${name}\n`);
  return base + [...own, ...extra].join("");
}

/** Docker's replacement where the host has only resolvers that the container cannot reach. */
const publicResolvers = ["8.8.8.8", "8.8.4.4"];

/**
 * The host's file, without resolvers on the host's loopback, which mean another machine inside of a network
 * namespace; or a new one when anything was chosen, the rest taken from the host's.
 * @param hostFile the host's own /etc/resolv.conf
 */
export function resolvConfFile(options: ContainerFilesOptions, hostFile: string): string {
  const { dns = [], dnsSearch = [], dnsOptions = [] } = options;
  const filtered = options.hostNetwork ? hostFile : withoutLocalResolvers(hostFile);
  if (dns.length + dnsSearch.length + dnsOptions.length === 0) return filtered;
  const search = dnsSearch.length > 0 ? dnsSearch : (lastOf(filtered, "search")?.split(/\s+/) ?? []);
  const servers = dns.length > 0 ? dns : resolversOf(filtered);
  const flags = dnsOptions.length > 0 ? dnsOptions : (lastOf(filtered, "options")?.split(/\s+/) ?? []);
  // "--dns-search ." stands for none.
  const none = search.length === 0 || (search.length === 1 && search[0] === ".");
  return [
    ...(none ? [] : [`search ${search.join(" ")}\n`]),
    ...servers.map((server) => `nameserver ${server}\n`),
    ...(flags.length > 0 ? [`options ${flags.join(" ")}\n`] : []),
  ].join("");
}

function withoutLocalResolvers(text: string): string {
  const kept = text
    .split(/(?<=\n)/)
    .filter((line) => !isLocal(/^nameserver\s+(\S+)/.exec(line)?.[1] ?? ""))
    .join("");
  if (resolversOf(kept).length > 0) return kept;
  return `${kept}\n${publicResolvers.map((server) => `nameserver ${server}`).join("\n")}`;
}

function isLocal(address: string): boolean {
  return (isIP(address) === 4 && address.startsWith("127.")) || address === "::1";
}

function resolversOf(text: string): string[] {
  return [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map(([, server]) => server as string);
}

/** The words of the last line of one kind: a later one replaces an earlier (resolv.conf(5)). */
function lastOf(text: string, keyword: string): string | undefined {
  const lines = [...text.matchAll(new RegExp(`^\\s*${keyword}\\s+(.*\\S)\\s*$`, "gm"))];
  return lines.at(-1)?.[1];
}
