/** Sends what happened in the registry to the endpoints of the configuration. */
import { randomUUID } from "node:crypto";
import type { RegistryEvent } from "../../hooks.ts";
import type { ServerConfig } from "../config/read_config.ts";
import type { Logger } from "../log/logger.ts";
import type { ServerMetrics } from "../metrics/server_metrics.ts";
import { EndpointQueue, type EndpointHooks } from "./endpoint_queue.ts";
import { notificationOf, type NotificationSource } from "./envelope.ts";

export interface NotifierOptions {
  readonly config: ServerConfig;
  readonly logger: Logger;
  readonly metrics: ServerMetrics;
}

export class Notifier {
  readonly #queues: readonly EndpointQueue[];
  readonly #source: NotificationSource;

  constructor({ config, logger, metrics }: NotifierOptions) {
    const { notifications, http } = config;
    const enabled = notifications.endpoints.filter(({ disabled, url }) => !disabled && url !== undefined);
    this.#queues = enabled.map(({ url = "", name = new URL(url).host, ...endpoint }) => {
      const options = {
        ...endpoint,
        name,
        url,
        ignoredMediaTypes: [...endpoint.ignoredmediatypes, ...endpoint.ignore.mediatypes],
        ignoredActions: endpoint.ignore.actions,
      };
      return new EndpointQueue(options, hooksFor(name, logger, metrics));
    });
    this.#source = {
      addr: `${http.addr.host}:${http.addr.port}`,
      instanceID: randomUUID(),
      origin: http.host?.replace(/\/$/, ""),
      scheme: http.tls?.certificate === undefined ? "http" : "https",
    };
    metrics.pendingEvents = () => this.#queues.reduce((sum, { pending }) => sum + pending, 0);
  }

  tell(event: RegistryEvent): void {
    if (this.#queues.length === 0) return;
    const notification = notificationOf(event, this.#source);
    for (const queue of this.#queues) queue.add(notification);
  }

  /** Resolves when all is sent, or when `signal` is aborted. Returns how many events were lost. */
  async drain(signal: AbortSignal): Promise<number> {
    const lost = await Promise.all(this.#queues.map((queue) => queue.drain(signal)));
    return lost.reduce((sum, each) => sum + each, 0);
  }
}

/** A receiver that is down is told of once, and once more when it is back. */
function hooksFor(endpoint: string, logger: Logger, metrics: ServerMetrics): EndpointHooks {
  let failing = false;
  let dropping = false;
  return {
    onResult: (result, reason) => {
      metrics.notifications.add(1, endpoint, result);
      if (result === "failed" && !failing)
        logger.warn("notification failed, will be tried again", { endpoint, reason });
      if (result === "refused") logger.warn("notification refused", { endpoint, reason });
      if (result === "dropped" && !dropping)
        logger.error("notifications are lost: too many wait", { endpoint });
      if (result === "sent" && failing) logger.info("notifications go out again", { endpoint });
      failing = result === "failed" || (result === "dropped" && failing);
      dropping = result === "dropped";
    },
  };
}
