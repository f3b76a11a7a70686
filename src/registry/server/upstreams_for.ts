/** The upstreams that a configuration names; what they do, metrics and the log tell. */
import { settingsOf } from "../proxy/settings_of.ts";
import { Upstreams } from "../proxy/upstreams.ts";
import { upstreamSettings } from "./config/proxy_keys.ts";
import type { ServerConfig } from "./config/read_config.ts";
import type { Logger } from "./log/logger.ts";
import type { ServerMetrics } from "./metrics/server_metrics.ts";

/** Undefined where there is none: nothing of it is in the way of a request then. */
export function upstreamsFor(
  { proxy }: ServerConfig,
  logger: Logger,
  metrics: ServerMetrics,
): Upstreams | undefined {
  const settings = upstreamSettings(proxy);
  if (settings.length === 0) return undefined;
  return new Upstreams(settings, {
    counted: (upstream, kind, result) => metrics.proxyRequests.add(1, upstream, kind, result),
    received: (upstream, bytes) => metrics.proxyBytes.add(bytes, upstream),
    problem: (message, fields) => logger.warn(message, fields),
  });
}

/** Which repositories are copies of an upstream's. */
export function copiesOf({ proxy }: ServerConfig): (repository: string) => boolean {
  const settings = upstreamSettings(proxy);
  return (repository) => settingsOf(settings, repository) !== undefined;
}
