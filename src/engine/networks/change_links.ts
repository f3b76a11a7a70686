/** Links of the default network that are other ones from now on; they stand in the linkers' host configs. */
import { Failure } from "../../errors.ts";
import type { Store } from "../../store/index.ts";
import {
  findRecord,
  listRecords,
  readHostConfig,
  readRecord,
  writeHostConfig,
  type ContainerRecord,
} from "../containers/record.ts";
import { whileRecordIsHeld } from "../containers/update_record.ts";
import { isDefaultNetwork, parseLink } from "./links.ts";

/**
 * A link leads to the container, not to whoever has its name later (moby keeps it by ID, daemon/links.go). The alias stays.
 * @param from without slash, as `to`
 */
export async function renameInLinks(store: Store, from: string, to: string): Promise<void> {
  for (const record of await listRecords(store.root))
    await changeLinks(store, record, (links) =>
      links.map((text) => {
        const { name, alias } = parseLink(text);
        return name === from ? `${to}:${alias}` : text;
      }),
    );
}

/**
 * `rm --link`: `linker/alias`. What runs keeps the line in its /etc/hosts until it is started again.
 * @throws Failure in Docker's words: `not-found`, `conflict` for a container's own name
 */
export async function removeLink(store: Store, text: string): Promise<void> {
  const [, linker, alias] = /^\/?([^/]+)\/(.+)$/.exec(text) ?? [];
  if (linker === undefined) {
    await findRecord(store.root, text);
    throw new Failure("conflict", "Conflict, cannot remove the default link name of the container");
  }
  const record = (await listRecords(store.root)).find(({ Name }) => Name === `/${linker}`);
  const isRemoved =
    record !== undefined &&
    (await changeLinks(store, record, (links) => links.filter((link) => parseLink(link).alias !== alias)));
  if (!isRemoved) throw new Failure("not-found", `No such container: ${text}`);
}

/** @returns whether they are other ones now */
async function changeLinks(
  store: Store,
  { ID }: ContainerRecord,
  change: (links: readonly string[]) => string[],
): Promise<boolean> {
  return whileRecordIsHeld(store, ID, async () => {
    if (readRecord(store.root, ID) === undefined) return false;
    const hostConfig = readHostConfig(store.root, ID);
    const before = (hostConfig["Links"] as string[] | null | undefined) ?? [];
    if (before.length === 0 || !isDefaultNetwork(hostConfig)) return false;
    const Links = change(before);
    if (Links.join("\n") === before.join("\n")) return false;
    await writeHostConfig(store.root, ID, { ...hostConfig, Links });
    return true;
  });
}
