/** A span for each request, sent to a collector by OTLP over HTTP as JSON (opentelemetry-proto, `trace/v1`). */
import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Logger } from "./log/logger.ts";

export interface TracerOptions {
  /** `http://127.0.0.1:4318/v1/traces` */
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly service: string;
  readonly logger: Logger;
}

export interface TracedRequest {
  readonly request: IncomingMessage;
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
  readonly requestId: string;
  readonly user: string | undefined;
}

const batchSize = 512;
/** More than this, and spans are lost: they must not fill the memory while the collector is away. */
const mostWaiting = 8192;
const pause = 2000;

export class Tracer implements AsyncDisposable {
  readonly #options: TracerOptions;
  #spans: object[] = [];
  #sending: Promise<void> | undefined;
  readonly #timer: NodeJS.Timeout;

  constructor(options: TracerOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#flush(), pause).unref();
  }

  /** To be called when the request has been answered. */
  record(traced: TracedRequest): void {
    if (this.#spans.length >= mostWaiting) return;
    this.#spans.push(spanOf(traced, Date.now()));
    if (this.#spans.length >= batchSize) void this.#flush();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#flush();
    await this.#flush();
  }

  #flush(): Promise<void> {
    return (this.#sending ??= this.#send().finally(() => (this.#sending = undefined)));
  }

  async #send(): Promise<void> {
    if (this.#spans.length === 0) return;
    const { endpoint, headers, service, logger } = this.#options;
    const spans = this.#spans.splice(0);
    const resource = { attributes: [attribute("service.name", service)] };
    const body = { resourceSpans: [{ resource, scopeSpans: [{ scope: { name: "varve" }, spans }] }] };
    try {
      const sent = { ...headers, "Content-Type": "application/json" };
      const signal = AbortSignal.timeout(5000);
      const response = await fetch(endpoint, {
        method: "POST",
        headers: sent,
        body: JSON.stringify(body),
        signal,
      });
      await response.body?.cancel();
      if (!response.ok) logger.warn("traces refused", { endpoint, status: response.status });
    } catch (error) {
      logger.warn("traces lost", { endpoint, error: (error as Error).message, spans: spans.length });
    }
  }
}

/** @param now milliseconds, when the request ended */
function spanOf({ request, route, status, seconds, requestId, user }: TracedRequest, now: number): object {
  const { method = "" } = request;
  // The client's trace goes on (W3C Trace Context).
  const [, trace, parent] =
    /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/.exec(String(request.headers["traceparent"])) ?? [];
  return {
    traceId: trace ?? randomBytes(16).toString("hex"),
    spanId: randomBytes(8).toString("hex"),
    ...(parent !== undefined && { parentSpanId: parent }),
    name: `${method} ${route}`,
    kind: 2,
    startTimeUnixNano: nanoseconds(now - seconds * 1000),
    endTimeUnixNano: nanoseconds(now),
    attributes: [
      attribute("http.request.method", method),
      attribute("http.response.status_code", status),
      attribute("http.route", route),
      attribute("http.request.id", requestId),
      ...(user === undefined ? [] : [attribute("enduser.id", user)]),
    ],
    status: { code: status >= 500 ? 2 : 0 },
  };
}

function attribute(key: string, value: string | number): object {
  return { key, value: typeof value === "number" ? { intValue: String(value) } : { stringValue: value } };
}

function nanoseconds(milliseconds: number): string {
  return String(BigInt(Math.round(milliseconds * 1000)) * 1000n);
}
