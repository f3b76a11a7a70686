/** The pages for people, as the configuration has them. */
import type { Access } from "../access/types.ts";
import type { RegistryCore } from "../core.ts";
import type { StorageDriver } from "../storage/types.ts";
import { WebPages } from "../web/web_pages.ts";
import type { ServerConfig } from "./config/read_config.ts";
import type { WatchedAccess } from "./watched_access.ts";

export interface WebParts {
  readonly config: ServerConfig;
  readonly core: RegistryCore;
  /** The one that the core guards. */
  readonly storage: StorageDriver;
  readonly access: Access;
  readonly watched: WatchedAccess;
}

/** Undefined: there are none. */
export function webFor({ config, core, storage, access, watched }: WebParts): WebPages | undefined {
  const { web, http } = config;
  if (!web.enabled) return undefined;
  const count = watched.take.bind(watched);
  const { prefix, host } = http;
  return new WebPages({ core, storage, access, guard: watched, count, prefix, host, path: web.path });
}
