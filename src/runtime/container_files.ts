/**
 * `/etc/hosts`, `/etc/hostname` and `/etc/resolv.conf` of a container, as Docker writes them. They lie in the
 * container's own directory and are bind-mounted over those of the image, so what is written to them reaches no
 * layer (behaviours B027).
 */
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
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
  const hosts = await readHostFile(join(etc, "hosts"));
  const paths = {
    resolvConf: join(directory, "resolv.conf"),
    hostname: join(directory, "hostname"),
    hosts: join(directory, "hosts"),
  };
  await writePublic(paths.hosts, hostsFile(options, hosts));
  await writePublic(paths.hostname, `${options.hostname}\n`);
  await writePublic(paths.resolvConf, await resolvConfText(options));
  return paths;
}

/** What resolv.conf says as things are now. */
export async function resolvConfText(options: Omit<ContainerFilesOptions, "hostname">): Promise<string> {
  const { hostEtc = "/etc" } = options;
  return resolvConfFile(options, await readResolvConf(hostEtc));
}

/** In place, because a running container has the very inode mounted; readable for all whatever the umask says. */
async function writePublic(path: string, text: string): Promise<void> {
  await writeFile(path, text, "latin1");
  await chmod(path, 0o644);
}

/** Where the local resolver of systemd is the only one, its list of real resolvers stands in (moby, libnetwork). */
async function readResolvConf(etc: string): Promise<string> {
  const text = await readHostFile(join(etc, "resolv.conf"));
  if (resolversOf(text).join() !== "127.0.0.53") return text;
  return (await readHostFile("/run/systemd/resolve/resolv.conf")) || text;
}

async function readHostFile(path: string): Promise<string> {
  return readFile(path, "latin1").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
}

/**
 * With the host's network a copy of its file, unless names are added: Docker then begins with its own list, too.
 * @param hostFile the host's own /etc/hosts
 */
export function hostsFile(options: ContainerFilesOptions, hostFile: string): string {
  const { extraHosts = [], addresses = [] } = options;
  if (options.hostNetwork && extraHosts.length === 0) return hostFile;
  const lines = [
    ...localHosts,
    ...addresses.map((address) => [address, options.hostname] as const),
    ...extraHosts.map(({ name, address }) => [address, name] as const),
  ];
  return lines.map(([address, names]) => `${address}\t${names}\n`).join("");
}

/** Docker's replacement where the host has only resolvers that the container cannot reach. */
const publicResolvers = ["8.8.8.8", "8.8.4.4"];

/**
 * The host's file, without resolvers that a network namespace cut off: those on the loopback, which means another
 * machine there, and IPv6 ones. Or, when anything was chosen, a new one with the rest taken from the host's.
 * @param hostFile the host's own /etc/resolv.conf
 */
export function resolvConfFile(options: Omit<ContainerFilesOptions, "hostname">, hostFile: string): string {
  const { dns = [], dnsSearch = [], dnsOptions = [] } = options;
  if (dns.length + dnsSearch.length + dnsOptions.length === 0)
    return options.hostNetwork ? hostFile : reachableResolvers(hostFile);
  const search = dnsSearch.length > 0 ? dnsSearch : wordsOf(hostFile, "search");
  const servers = dns.length > 0 ? dns : resolversOf(hostFile);
  const flags = dnsOptions.length > 0 ? dnsOptions : wordsOf(hostFile, "options");
  // "--dns-search ." stands for none.
  const none = search.length === 0 || (search.length === 1 && search[0] === ".");
  return [
    ...(none ? [] : [`search ${search.join(" ")}\n`]),
    ...servers.map((server) => `nameserver ${server}\n`),
    ...(flags.length > 0 ? [`options ${flags.join(" ")}\n`] : []),
  ].join("");
}

function reachableResolvers(text: string): string {
  const kept = text
    .split(/(?<=\n)/)
    .filter((line) => !isCutOff(/^nameserver\s+(\S+)/.exec(line)?.[1]))
    .join("");
  if (resolversOf(kept).length > 0) return kept;
  return `${kept}\n${publicResolvers.map((server) => `nameserver ${server}`).join("\n")}\n`;
}

function isCutOff(address: string | undefined): boolean {
  return address !== undefined && (address.startsWith("127.") || address.includes(":"));
}

function resolversOf(text: string): string[] {
  return [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map(([, server]) => server as string);
}

/** The words of the last line of one kind: a later one replaces an earlier (resolv.conf(5)). */
function wordsOf(text: string, keyword: string): string[] {
  const lines = [...text.matchAll(new RegExp(`^\\s*${keyword}\\s+(.*\\S)\\s*$`, "gm"))];
  return lines.at(-1)?.[1]?.split(/\s+/) ?? [];
}
