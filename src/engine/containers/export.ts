/** `export`: the merged root filesystem as one tar (behaviours B108). */
import { treeTar } from "../../layer/index.ts";
import type { Store } from "../../store/index.ts";
import { mountedRoot } from "./mounted_root.ts";
import type { ContainerRecord } from "./record.ts";

/** Mounted while it is read: the tar holds the container layer and the init layer's placeholders, no volumes. */
export async function* exportContainer(
  store: Store,
  record: ContainerRecord,
  { signal }: { readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array, void, undefined> {
  await using root = await mountedRoot(store, record);
  yield* treeTar(root.path, { signal: AbortSignal.any([signal, root.dismissed]) });
}
