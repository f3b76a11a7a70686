/** What a configuration names and has to be had: storage, who gets in, what may not be. */
import type { Failure } from "../../errors.ts";
import { composeAccess } from "../access/index.ts";
import type { Access } from "../access/types.ts";
import type { RegistryPolicy } from "../hooks.ts";
import { openStorage } from "../storage/open_storage.ts";
import type { StorageDriver } from "../storage/types.ts";
import type { ServerConfig } from "./config/read_config.ts";
import { guardsOf, type Guards } from "./guards.ts";
import type { Logger } from "./log/logger.ts";
import { policyOf } from "./policy.ts";

/** Disposal closes all of it; requests must have ended. */
export interface OpenParts extends AsyncDisposable {
  readonly storage: StorageDriver;
  readonly access: Access;
  readonly guards: Guards;
  readonly policy: RegistryPolicy;
}

/** @throws Failure for what cannot be had, with its place in the file; nothing stays open then */
export function openParts(config: ServerConfig, logger: Logger): Promise<OpenParts> {
  const { driver: name, parameters } = config.storage;
  const onProblem = (failure: Failure) => logger.warn(failure.message);
  return config.located(async () => {
    await using undo = new AsyncDisposableStack();
    const storage = await openStorage({ name, parameters });
    undo.defer(() => storage.close?.());
    const access = undo.use(await composeAccess(config.auth, { onProblem }));
    const guards = guardsOf(config, storage, (error) =>
      logger.error("use of quotas not counted", { error: String(error) }),
    );
    const policy = await policyOf(config, { storage, guards, onProblem });
    const open = undo.move();
    return { storage, access, guards, policy, [Symbol.asyncDispose]: () => open.disposeAsync() };
  });
}
