/** Copies of upstreams' images that nobody pulls any more. */
import { evictUnused } from "../../proxy/evict_unused.ts";
import { settingsOf } from "../../proxy/settings_of.ts";
import { upstreamSettings } from "../config/proxy_keys.ts";
import type { ServerConfig } from "../config/read_config.ts";
import { collectWork, type Summary, type WorkParts } from "./works.ts";

const minute = 60_000;
const day = 24 * 60 * minute;

/** Milliseconds; undefined where nothing is a copy, or copies are kept for good. */
export function evictionInterval({ proxy }: ServerConfig): number | undefined {
  const times = upstreamSettings(proxy).flatMap(({ ttl }) => (ttl > 0 ? [ttl] : []));
  return times.length === 0 ? undefined : Math.min(Math.max(Math.min(...times) / 8, minute), day);
}

/** And garbage collection, unless that has a time of its own: without it nothing would be gained. */
export async function evictWork(parts: WorkParts, signal: AbortSignal): Promise<Summary> {
  const { config, storage, logger, metrics } = parts;
  const settings = upstreamSettings(config.proxy);
  const ttlOf = (repository: string) => settingsOf(settings, repository)?.ttl ?? 0;
  let evicted = 0;
  for await (const { repository, digest, tags } of evictUnused(storage, ttlOf, Date.now(), signal)) {
    logger.info("evicted", { repository, digest, tags: tags.join(" ") });
    metrics.proxyEvicted.add(1);
    evicted += 1;
  }
  return { ...(config.gc.interval ? {} : await collectWork(parts, signal)), evicted };
}
