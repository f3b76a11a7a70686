/** `rename`: another name for a container. */
import { Failure, isFailure } from "../../errors.ts";
import { containersLock, type Store } from "../../store/index.ts";
import { freeName } from "./names.ts";
import { listRecords, type ContainerRecord } from "./record.ts";
import { isAlive } from "./state.ts";
import { updateRecord } from "./update_record.ts";

/**
 * @returns the record with the new name
 * @throws Failure in Docker's words (moby, daemon/rename.go): `invalid` for no name or the one that it has, `conflict` for
 * one in use
 */
export async function renameContainer(
  store: Store,
  record: ContainerRecord,
  wanted: string,
): Promise<ContainerRecord> {
  if (wanted === "") throw new Failure("invalid", "Neither old nor new names may be empty");
  const { ID } = record;
  return store.withLock(containersLock, async () => {
    if (record.Name === `/${wanted.replace(/^\//, "")}`) {
      throw new Failure("invalid", "Renaming a container with the same name as its current name");
    }
    const Name = `/${allocated(`/${wanted.replace(/^\//, "")}`, await listRecords(store.root))}`;
    const renamed = await updateRecord(store, ID, (now) => ({ ...now, Name, ...named(now) }));
    if (renamed === undefined) throw new Failure("not-found", `No such container: ${ID}`);
    const { renameInLinks } = await import("../networks/change_links.ts");
    await renameInLinks(store, record.Name.slice(1), Name.slice(1));
    if (isAlive(renamed)) {
      const { networkingOf } = await import("../networks/networking_of.ts");
      await (await networkingOf(store)).endpoints.rename(ID, Name.slice(1));
    }
    return renamed;
  });
}

function allocated(wanted: string, records: readonly ContainerRecord[]): string {
  try {
    return freeName(wanted, records);
  } catch (error) {
    if (!isFailure(error)) throw error;
    throw new Failure(error.kind, `Error when allocating new name: ${error.message}`);
  }
}

/** From now on its name is somebody's choice. */
function named({ NetworkSettings }: ContainerRecord): Pick<ContainerRecord, "NetworkSettings"> {
  return { NetworkSettings: { ...NetworkSettings, IsAnonymousEndpoint: false } };
}
