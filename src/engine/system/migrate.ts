/** `migrate`: the root's images and containers to another storage driver. */
import { inUserNamespace } from "../../driver/index.ts";
import { Failure } from "../../errors.ts";
import {
  migrateStore,
  type MigrateOptions as StoreOptions,
  type MigrationResult,
  type Store,
} from "../../store/index.ts";
import { listRecords, readRecord, type ContainerRecord } from "../containers/record.ts";
import { isAlive, reconcile } from "../containers/state.ts";
import { unlessSupervised } from "../containers/supervision.ts";

export type MigrateOptions = Pick<StoreOptions, "to" | "keep" | "signal" | "report">;

/** Throws `Failure("conflict")` for a container that runs, before anything is done, and what {@link migrateStore} throws. */
export async function migrate(store: Store, options: MigrateOptions): Promise<MigrationResult> {
  // The root of a namespace may read files that are closed to all; the user, who comes without one to vfs, may not.
  if (options.to === "vfs" && store.driver.name !== "vfs" && inUserNamespace())
    throw new Failure("unsupported", "cannot migrate to vfs as an ordinary user", {
      hint: "Save the images (varve save) and load them into another root with --driver vfs.",
    });
  await using held = new AsyncDisposableStack();
  const still = new Set<string>();
  const holdContainers = async (): Promise<void> => {
    for (const found of await listRecords(store.root)) {
      if (still.has(found.ID)) continue;
      held.use(await holdStill(store, found));
      still.add(found.ID);
    }
  };
  return await migrateStore(store, { ...options, holdContainers });
}

/** Until disposal nobody starts or removes the container. */
async function holdStill(store: Store, found: ContainerRecord): Promise<AsyncDisposable> {
  if ((await reconcile(store, found)).State.Running) throw running(found);
  const taken = Promise.withResolvers<boolean>();
  const done = Promise.withResolvers<void>();
  const held = unlessSupervised(store, found.ID, () => {
    taken.resolve(true);
    return done.promise;
  });
  held.then(() => taken.resolve(false), taken.reject);
  if (!(await taken.promise)) throw running(found);
  const hold = {
    async [Symbol.asyncDispose]() {
      done.resolve();
      await held;
    },
  };
  const now = readRecord(store.root, found.ID);
  if (now === undefined || !isAlive(now)) return hold;
  await hold[Symbol.asyncDispose]();
  throw running(found);
}

function running({ Name }: ContainerRecord): Failure {
  return new Failure("conflict", `cannot migrate while container ${Name.slice(1)} is running`, {
    hint: "Stop it first, or wait until it ends.",
  });
}
