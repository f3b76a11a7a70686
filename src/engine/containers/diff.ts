/** `diff`: what a container changed against its image. */
import { Failure } from "../../errors.ts";
import type { Change } from "../../layer/index.ts";
import type { Store } from "../../store/index.ts";
import type { ContainerRecord } from "./record.ts";
import { whileThere } from "./while_there.ts";

/** @throws Failure("not-found") for one that is removed meanwhile */
export function diffContainer(
  store: Store,
  record: ContainerRecord,
  options: { readonly signal: AbortSignal },
): Promise<Change[]> {
  return whileThere(store, record.ID, () => changesOf(store, record, options));
}

async function changesOf(
  store: Store,
  record: ContainerRecord,
  options: { readonly signal: AbortSignal },
): Promise<Change[]> {
  const layer = await store.containers.get(record.ID);
  if (layer === undefined) {
    throw new Failure("corrupt", `container ${record.ID} has no writable layer in this store`, {
      hint: "remove it with `varve rm`",
    });
  }
  return store.driver.changes(layer.mountId, options);
}
