/** Puts the parts of a registry together as a configuration says, and takes them apart again in order. */
import { AuditLog, RateLimiter } from "../access/index.ts";
import type { ServerConfig } from "./config/read_config.ts";
import { Health, healthChecks } from "./health.ts";
import { listenForDebug } from "./listen_for_debug.ts";
import { listen, type Listener } from "./listener.ts";
import { Logger, type LoggerOptions } from "./log/logger.ts";
import { makeRegistry } from "./make_registry.ts";
import { Maintenance } from "./maintenance/maintenance.ts";
import { measuredStorage } from "./measured_storage.ts";
import { serverMetrics } from "./metrics/server_metrics.ts";
import { Notifier } from "./notifications/notifier.ts";
import { openParts } from "./open_parts.ts";
import { recordingFor } from "./recording.ts";
import { requestHandler } from "./request_handler.ts";
import type { StatusPages } from "./status_pages.ts";
import { Tracer } from "./tracer.ts";
import { upstreamsFor } from "./upstreams_for.ts";
import { WatchedAccess } from "./watched_access.ts";

export interface RunningServer {
  /** `127.0.0.1:5000` */
  readonly address: string;
  readonly debugAddress: string | undefined;
  readonly scheme: "http" | "https";
  /** Certificates again, and a new audit log. What cannot be read stays as it was and is logged. */
  reload(): Promise<void>;
  /**
   * Answers what has been asked, tells what has happened, and closes. Aborting `signal` breaks connections and gives up
   * notifications; so does the end of the configuration's `draintimeout`.
   */
  stop(signal?: AbortSignal): Promise<void>;
}

/** As long as container platforms wait before they kill, as a rule. Milliseconds. */
const usualDrain = 30_000;

/**
 * Starts a registry; resolves when it listens.
 * @param write takes lines of the log
 * @throws Failure for whatever the configuration names and cannot be had, with its place in the file
 */
export async function startServer(
  config: ServerConfig,
  write: LoggerOptions["write"],
): Promise<RunningServer> {
  const logger = loggerFor(config, write);
  await using undo = new AsyncDisposableStack();
  const metrics = serverMetrics();
  const { storage, access, policy, guards } = undo.use(await openParts(config, logger));
  const watched = new WatchedAccess(access.controller, limiterFor(config));
  const measured = measuredStorage(storage, metrics);
  const notifier = new Notifier({ config, logger, metrics });
  const upstreams = upstreamsFor(config, logger, metrics);
  const recording = recordingFor(config, measured, logger);
  const made = makeRegistry({
    config,
    storage: measured,
    access,
    watched,
    policy,
    guards,
    notifier,
    recording,
    upstreams,
  });
  const { registry, web } = made;
  undo.use(recording);
  // What is on its way ends before the storage does.
  if (upstreams !== undefined) undo.use(upstreams);
  const audit =
    config.audit?.path === undefined ? undefined : undo.use(await openAudit(config.audit.path, logger));
  const tracer = tracerFor(config, logger);
  if (tracer !== undefined) undo.use(tracer);
  const health = undo.use(new Health(healthChecks(config, measured, guards.disk)));
  await health.start();
  undo.use(new Maintenance({ config, storage: measured, logger, metrics }));
  let draining = false;
  const metricsPath = config.metrics.enabled ? "/metrics" : undefined;
  const pages: StatusPages = { health, metrics, metricsPath, isDraining: () => draining, guard: watched };
  const handler = requestHandler({
    config,
    registry,
    web,
    access,
    watched,
    logger,
    metrics,
    pages,
    audit,
    tracer,
    quota: guards.quota,
  });
  const { addr, tls, http2 } = config.http;
  const shared = { limits: config.limits, logger };
  const debug = await listenForDebug(config, pages, shared);
  if (debug !== undefined) undo.defer(() => debug.drain(AbortSignal.abort()));
  const main = await listen({ ...shared, address: addr, tls, http2: !http2.disabled }, handler);
  metrics.connections = () => main.connections();
  logger.info(`listening on ${main.address}`, { storage: storage.name });
  const parts = undo.move();
  return {
    address: main.address,
    debugAddress: debug?.address,
    scheme: tls?.certificate === undefined ? "http" : "https",
    reload: () => reload(main, audit, logger),
    stop: async (signal = new AbortController().signal) => {
      draining = true;
      const limit = AbortSignal.any([signal, AbortSignal.timeout(config.http.draintimeout || usualDrain)]);
      logger.info("draining", { requests: metrics.inFlight });
      await drain(main, notifier, logger, limit);
      await parts.disposeAsync();
      logger.info("stopped");
    },
  };
}

/** Requests first: each may be one more event. */
async function drain(main: Listener, notifier: Notifier, logger: Logger, limit: AbortSignal): Promise<void> {
  await main.drain(limit);
  const lost = await notifier.drain(limit);
  if (lost > 0) logger.error("notifications are lost", { events: lost });
}

function loggerFor({ log, loglevel, warnings }: ServerConfig, write: LoggerOptions["write"]): Logger {
  const level = log.level ?? loglevel ?? "info";
  const logger = new Logger({ format: log.formatter, level, fields: log.fields, write });
  for (const warning of warnings) logger.warn(warning);
  return logger;
}

function limiterFor({ limits: { requests } }: ServerConfig): RateLimiter | undefined {
  return requests && new RateLimiter({ perSecond: requests.persecond, burst: requests.burst });
}

function tracerFor({ traces }: ServerConfig, logger: Logger): Tracer | undefined {
  if (traces?.endpoint === undefined) return undefined;
  const { endpoint, headers, servicename } = traces;
  return new Tracer({ endpoint, headers, service: servicename, logger });
}

function openAudit(path: string, logger: Logger): Promise<AuditLog> {
  return AuditLog.open({ path, onProblem: (failure) => logger.error(failure.message) });
}

async function reload(main: Listener, audit: AuditLog | undefined, logger: Logger): Promise<void> {
  for (const act of [() => main.reload(), () => audit?.reopen()]) {
    try {
      await act();
    } catch (error) {
      logger.error("not reloaded", { error: (error as Error).message });
    }
  }
  logger.info("reloaded");
}
