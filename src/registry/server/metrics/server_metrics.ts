/** What the server counts. */
import { Metrics, type Counter, type Gauge, type Histogram } from "./metrics.ts";

export interface ServerMetrics {
  readonly requests: Counter;
  readonly seconds: Histogram;
  readonly bytesIn: Counter;
  readonly bytesOut: Counter;
  readonly storageErrors: Counter;
  readonly storageSeconds: Histogram;
  readonly notifications: Counter;
  readonly proxyRequests: Counter;
  readonly proxyBytes: Counter;
  readonly proxyEvicted: Counter;
  readonly garbage: Counter;
  readonly freedBytes: Counter;
  readonly fsckFindings: Gauge;
  readonly maintenanceRuns: Counter;
  readonly maintenanceLast: Gauge;
  readonly maintenanceSeconds: Gauge;
  /** Requests that are being answered. */
  inFlight: number;
  /** Of them, those that bring bytes of blobs. */
  uploading: number;
  /** Open connections. */
  connections: () => number;
  /** Events that wait for their endpoints. */
  pendingEvents: () => number;
  text(): string;
}

/** Upper bounds in seconds: from a manifest out of memory to a blob of many GB. */
const durations = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

export function serverMetrics(): ServerMetrics {
  const metrics = new Metrics();
  const bytes = (way: string) =>
    metrics.counter(`registry_http_${way}_bytes_total`, `Bytes of bodies, ${way}`, ["route"]);
  const counted: ServerMetrics = {
    requests: metrics.counter("registry_http_requests_total", "Requests answered", [
      "route",
      "method",
      "code",
    ]),
    seconds: metrics.histogram(
      "registry_http_request_duration_seconds",
      "From the head of a request to the end of its answer",
      ["route", "method"],
      durations,
    ),
    bytesIn: bytes("received"),
    bytesOut: bytes("sent"),
    storageErrors: metrics.counter("registry_storage_errors_total", "Failures of the storage", [
      "driver",
      "action",
      "kind",
    ]),
    storageSeconds: metrics.histogram(
      "registry_storage_action_seconds",
      "Time that the storage takes",
      ["driver", "action"],
      durations,
    ),
    notifications: metrics.counter("registry_notifications_events_total", "Events, by what became of them", [
      "endpoint",
      "result",
    ]),
    proxyRequests: metrics.counter(
      "registry_proxy_requests_total",
      "Requests for what is an upstream's, by where the answer came from",
      ["upstream", "kind", "result"],
    ),
    proxyBytes: metrics.counter("registry_proxy_received_bytes_total", "Bytes of bodies from upstreams", [
      "upstream",
    ]),
    proxyEvicted: metrics.counter(
      "registry_proxy_evicted_total",
      "Manifests of upstreams dropped because nobody pulled them",
    ),
    garbage: metrics.counter("registry_gc_decisions_total", "Decisions of garbage collection", [
      "action",
      "subject",
    ]),
    freedBytes: metrics.counter("registry_gc_freed_bytes_total", "Bytes that garbage collection has purged"),
    fsckFindings: metrics.gauges(
      "registry_fsck_findings",
      "What this instance's last check found wrong, by what became of it",
      ["outcome"],
    ),
    maintenanceRuns: metrics.counter("registry_maintenance_runs_total", "Runs of work by the clock", [
      "work",
      "result",
    ]),
    maintenanceLast: metrics.gauges(
      "registry_maintenance_last_run_timestamp_seconds",
      "When this instance last finished the work, in seconds since 1970",
      ["work"],
    ),
    maintenanceSeconds: metrics.gauges(
      "registry_maintenance_last_run_seconds",
      "How long this instance's last run took",
      ["work"],
    ),
    inFlight: 0,
    uploading: 0,
    connections: () => 0,
    pendingEvents: () => 0,
    text: () => metrics.text(),
  };
  metrics.gauge("registry_http_in_flight_requests", "Requests being answered", () => counted.inFlight);
  metrics.gauge("registry_uploads_running", "Requests that bring bytes of blobs", () => counted.uploading);
  metrics.gauge("registry_http_connections", "Open connections", () => counted.connections());
  metrics.gauge("registry_notifications_pending", "Events that wait for their endpoints", () =>
    counted.pendingEvents(),
  );
  metrics.gauge("process_resident_memory_bytes", "Resident memory", () => process.memoryUsage.rss());
  return counted;
}
