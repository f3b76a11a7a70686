/** Aliases that others have for a container, once it has its addresses. */
import { readFile, writeFile } from "node:fs/promises";
import type { Endpoint, Networking } from "../../network/index.ts";
import type { HostEntry } from "../../runtime/index.ts";
import type { Store } from "../../store/index.ts";
import { readRecord, type ContainerRecord } from "../containers/record.ts";
import { isAlive } from "../containers/state.ts";
import { endpointLinks } from "./links.ts";
import { whileConnecting } from "./networking_of.ts";

/**
 * Docker's name server knows at each question where a link leads; here it stands in the files of those who run already.
 * @param places where the container is now
 */
export async function renewLinks(
  store: Store,
  networking: Networking,
  places: readonly Endpoint[],
): Promise<void> {
  for (const place of places) {
    for (const linker of networking.endpoints.list()) {
      const entries = endpointLinks(linker, [place]);
      if (entries.length === 0) continue;
      await whileConnecting(store, linker.containerId, async () => {
        const record = readRecord(store.root, linker.containerId);
        if (record !== undefined && isAlive(record)) await replaceHosts(record, entries);
      });
    }
  }
}

/** Lines of other addresses with those names go; in place, since the container has the very file mounted. */
async function replaceHosts({ HostsPath }: ContainerRecord, entries: readonly HostEntry[]): Promise<void> {
  const names = new Set(entries.map(({ name }) => name));
  const lines = (await readFile(HostsPath, "latin1")).split(/(?<=\n)/);
  const kept = lines.filter((line) => !names.has(line.trimEnd().replace(/^\S+\s+/, "")));
  const added = entries.map(({ address, name }) => `${address}\t${name}\n`);
  const text = [...kept, ...added].join("");
  if (text !== lines.join("")) await writeFile(HostsPath, text, "latin1");
}
