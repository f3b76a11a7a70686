/** What the server writes down of what is done in it, beside distribution's tree: who moved a tag, what was pulled when. */
import { recordingHooks } from "../gc/history/tag_history.ts";
import { PullRecorder } from "../gc/pulls/pull_recorder.ts";
import type { RegistryEvent, RegistryHooks } from "../hooks.ts";
import type { StorageDriver } from "../storage/types.ts";
import type { ServerConfig } from "./config/read_config.ts";
import type { Logger } from "./log/logger.ts";

/** Pulls are recorded where a rule of retention asks for them. Disposal writes what is not written yet. */
export function recordingFor(
  config: ServerConfig,
  storage: StorageDriver,
  logger: Logger,
): Required<RegistryHooks> & AsyncDisposable {
  const told = (what: string) => (error: unknown) =>
    logger.error(`${what} not recorded`, { error: String(error) });
  const history = recordingHooks(storage, told("tag history"));
  const asked = config.retention.rules.some(({ keep }) => keep?.pulledwithin !== undefined);
  const isWritable = !config.storage.maintenance.readonly.enabled;
  const pulls = asked && isWritable ? new PullRecorder({ storage, onFailure: told("pulls") }) : undefined;
  return {
    onEvent(event: RegistryEvent) {
      history.onEvent(event);
      pulls?.onEvent(event);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([history[Symbol.asyncDispose](), pulls?.[Symbol.asyncDispose]()]);
    },
  };
}
