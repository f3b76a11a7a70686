/** The container that a link of the default network leads to. */
import { Failure } from "../../errors.ts";
import { joinedContainer } from "./joined_namespaces.ts";
import { findRecord, readHostConfig, type ContainerRecord } from "./record.ts";

/**
 * Of one that shares another's network it is that other one (moby, daemon/daemon_unix.go, `registerLinks`).
 * @throws Failure("invalid") in Docker's words for one that is not there, or has the host's network
 */
export async function linkedContainer(root: string, name: string): Promise<ContainerRecord> {
  const seen = new Set<string>();
  for (let term = name; ;) {
    const record = await findRecord(root, term).catch((cause: unknown) => {
      throw new Failure("invalid", `could not get container for ${term}: No such container: ${term}`, {
        cause,
      });
    });
    const { NetworkMode } = readHostConfig(root, record.ID);
    if (NetworkMode === "host") {
      const text = "host type networking can't be used with links. This would result in undefined behavior";
      throw new Failure("invalid", `conflicting options: ${text}`);
    }
    const next = joinedContainer(NetworkMode);
    if (next === undefined || seen.has(record.ID)) return record;
    seen.add(record.ID);
    term = next;
  }
}
