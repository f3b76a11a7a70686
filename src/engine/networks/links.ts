/** `--link`: other containers by another name, as lines of /etc/hosts. */
import { Failure } from "../../errors.ts";
import type { Endpoint } from "../../network/index.ts";
import type { HostEntry } from "../../runtime/index.ts";
import type { Store } from "../../store/index.ts";
import { linkedContainer } from "../containers/linked_container.ts";
import { findRecord, type ContainerRecord, type HostConfig } from "../containers/record.ts";
import { isAlive } from "../containers/state.ts";

/** `name:alias`, or `/name:/container/alias` as dockerd keeps it. */
export function parseLink(text: string): { readonly name: string; readonly alias: string } {
  const [name = "", alias = name] = text.split(":");
  return { name: name.replace(/^\//, ""), alias: alias.slice(alias.lastIndexOf("/") + 1) };
}

/** Where links are of two containers, and not of names in a network. */
export function isDefaultNetwork({ NetworkMode }: Pick<HostConfig, "NetworkMode">): boolean {
  return ["default", "bridge"].includes(NetworkMode);
}

/**
 * On the default network, where there are no names (moby 20.10, daemon/container_operations_unix.go, `setupLinkedContainers`).
 * @param endpoint the container's own in it
 * @throws Failure in Docker's words for a container that cannot be linked to
 */
export async function defaultLinks(
  store: Store,
  record: ContainerRecord,
  { Links }: HostConfig,
  endpoint: Endpoint,
  all: readonly Endpoint[],
): Promise<HostEntry[]> {
  const entries: HostEntry[] = [];
  for (const text of (Links as string[] | null | undefined) ?? []) {
    const { name, alias } = parseLink(text);
    const other = await linkedContainer(store.root, name);
    if (!isAlive(other))
      throw new Failure(
        "internal",
        `Cannot link to a non running container: ${other.Name} AS ${record.Name}/${alias}`,
      );
    const place = all.find((one) => one.containerId === other.ID && one.networkId === endpoint.networkId);
    if (place === undefined)
      throw new Failure(
        "internal",
        `Cannot link to ${other.Name}, as it does not belong to the default network`,
      );
    const names = new Set([alias, other.Config.Hostname ?? "", other.Name.slice(1)]);
    entries.push({ name: [...names].filter((each) => each !== "").join(" "), address: place.ipv4.address });
  }
  return entries;
}

/** On other networks: names that this container alone knows. One that is not connected has none. */
export function endpointLinks(endpoint: Endpoint, all: readonly Endpoint[]): HostEntry[] {
  return endpoint.links.flatMap((text) => {
    const { name, alias } = parseLink(text);
    const place = all.find(
      (one) =>
        one.networkId === endpoint.networkId &&
        (one.containerName === name || (name.length >= 12 && one.containerId.startsWith(name))),
    );
    return place === undefined ? [] : addressesOf(place).map((address) => ({ name: alias, address }));
  });
}

function addressesOf({ ipv4, ipv6 }: Endpoint): string[] {
  return ipv6 === undefined ? [ipv4.address] : [ipv4.address, ipv6.address];
}

/** As `inspect` has them; on networks of a name they are places in those (moby, daemon/inspect.go). */
export async function linksShown(
  store: Store,
  record: ContainerRecord,
  { Links, NetworkMode }: HostConfig,
): Promise<string[] | null> {
  const given = (Links as string[] | null | undefined) ?? [];
  if (given.length === 0 || !isDefaultNetwork({ NetworkMode })) return null;
  const shown = given.map(async (text) => {
    const { name, alias } = parseLink(text);
    const other = await findRecord(store.root, name).catch(() => undefined);
    return other === undefined ? [] : [`${other.Name}:${record.Name}/${alias}`];
  });
  return (await Promise.all(shown)).flat();
}
