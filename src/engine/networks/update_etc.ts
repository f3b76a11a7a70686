/** The files of /etc of a container that runs, after its networks have changed. */
import { readFile, writeFile } from "node:fs/promises";
import { digestOf } from "../../oci/index.ts";
import { resolvConfText, type HostEntry } from "../../runtime/index.ts";
import type { ContainerRecord } from "../containers/record.ts";
import type { EtcNetwork } from "../live/types.ts";

/**
 * In place: the container has the very files mounted. Lines of /etc/hosts that somebody else wrote stay, and so does a
 * resolv.conf that was changed inside.
 * @param left addresses that are the container's no more
 */
export async function updateEtc(
  record: ContainerRecord,
  etc: EtcNetwork,
  change: { readonly left?: readonly string[]; readonly joined?: readonly HostEntry[] },
): Promise<void> {
  const { left = [], joined = [] } = change;
  const hosts = await readFile(record.HostsPath, "latin1");
  const kept = hosts.split(/(?<=\n)/).filter((line) => !left.includes(line.split(/\s/, 1)[0] as string));
  const added = joined.map(({ address, name }) => `${address}\t${name}\n`);
  await writeFile(record.HostsPath, [...kept, ...added].join(""), "latin1");
  await updateResolvers(record.ResolvConfPath, etc);
}

async function updateResolvers(path: string, { dns }: EtcNetwork): Promise<void> {
  const hashPath = `${path}.hash`;
  const [before, hash] = await Promise.all([readFile(path), readFile(hashPath, "utf8").catch(() => "")]);
  if (digestOf(before) !== hash.trim()) return;
  const text = await resolvConfText({
    hostNetwork: false,
    dns: dns.servers,
    dnsSearch: dns.search,
    dnsOptions: dns.options,
  });
  await writeFile(path, text, "latin1");
  await writeFile(hashPath, digestOf(await readFile(path)));
}
