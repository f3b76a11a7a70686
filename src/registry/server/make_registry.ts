/** The registry itself, with all who are told of what happens in it. */
import type { Access } from "../access/types.ts";
import { RegistryCore } from "../core.ts";
import { registryOn, type Registry } from "../create_registry.ts";
import type { RegistryEvent, RegistryHooks, RegistryPolicy } from "../hooks.ts";
import type { Upstreams } from "../proxy/upstreams.ts";
import type { StorageDriver } from "../storage/types.ts";
import type { WebPages } from "../web/web_pages.ts";
import type { ServerConfig } from "./config/read_config.ts";
import type { Guards } from "./guards.ts";
import type { Notifier } from "./notifications/notifier.ts";
import type { WatchedAccess } from "./watched_access.ts";
import { webFor } from "./web.ts";

export interface RegistryParts {
  readonly config: ServerConfig;
  readonly storage: StorageDriver;
  readonly access: Access;
  readonly watched: WatchedAccess;
  readonly policy: RegistryPolicy;
  readonly guards: Guards;
  readonly notifier: Notifier;
  readonly recording: Required<RegistryHooks>;
  readonly upstreams: Upstreams | undefined;
}

export function makeRegistry(parts: RegistryParts): {
  readonly registry: Registry;
  readonly web: WebPages | undefined;
} {
  const { config, notifier, recording, storage, watched, policy, guards, upstreams } = parts;
  const options = {
    storage,
    access: watched,
    policy,
    hooks: {
      onEvent(event: RegistryEvent) {
        notifier.tell(event);
        recording.onEvent(event);
        guards.quota?.hooks.onEvent?.(event);
        web?.onEvent(event);
      },
    },
    redirect: !config.storage.redirect.disable,
    deletion: config.storage.delete.enabled,
    // As distribution has it: a host that is configured goes before.
    relativeUrls: config.http.relativeurls && config.http.host === undefined,
    ...(upstreams && { upstreams }),
    ...(config.http.secret !== undefined && { uploadSecret: config.http.secret }),
  };
  const core = new RegistryCore(options);
  const web = webFor({ ...parts, core });
  return { registry: registryOn(core, options), web };
}
