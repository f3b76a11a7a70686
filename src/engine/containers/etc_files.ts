/** `/etc/hosts`, `/etc/hostname` and `/etc/resolv.conf` of a container, beside its record (behaviours B027, B154). */
import { chmod, readFile, rm, writeFile } from "node:fs/promises";
import { digestOf } from "../../oci/index.ts";
import { writeContainerFiles, type FileMounts, type HostEntry } from "../../runtime/index.ts";
import type { Store } from "../../store/index.ts";
import type { EtcNetwork } from "../live/types.ts";
import { containerDirectory, type ContainerRecord, type HostConfig } from "./record.ts";
import { hostEntries } from "./spec.ts";

/** Writes them anew, as Docker does at each start. */
export async function writeEtcFiles(
  store: Store,
  record: ContainerRecord,
  hostConfig: HostConfig,
  network?: EtcNetwork,
): Promise<FileMounts> {
  const hostNetwork = hostConfig.NetworkMode === "host";
  const files = await writeContainerFiles(containerDirectory(store.root, record.ID), {
    hostname: record.Config.Hostname ?? "",
    hostNetwork,
    extraHosts: [...extraHosts(hostConfig, network), ...(network?.hosts ?? [])],
    dns: network?.dns.servers ?? hostConfig.Dns ?? [],
    dnsSearch: network?.dns.search ?? listOf(hostConfig, "DnsSearch"),
    dnsOptions: network?.dns.options ?? listOf(hostConfig, "DnsOptions"),
  });
  // By this dockerd tells whether somebody in the container changed the file (moby, libnetwork/sandbox_dns_unix.go).
  const hash = `${files.resolvConf}.hash`;
  if (hostNetwork) await rm(hash, { force: true });
  else {
    await writeFile(hash, digestOf(await readFile(files.resolvConf)));
    await chmod(hash, 0o644);
  }
  return files;
}

/** Where the host is by its loopback, and there is no gateway, the host is itself. */
function extraHosts(hostConfig: HostConfig, network: EtcNetwork | undefined): HostEntry[] {
  const gateway = network?.hostGateway ?? "127.0.0.1";
  return hostEntries(hostConfig).map(({ name, address }) => ({
    name,
    address: address === "host-gateway" ? gateway : address,
  }));
}

function listOf(hostConfig: HostConfig, name: "DnsSearch" | "DnsOptions"): readonly string[] {
  return (hostConfig[name] as readonly string[] | null | undefined) ?? [];
}
