/** One receiver of notifications: events wait in order until it has taken them, or too many wait. */
import { setTimeout } from "node:timers/promises";
import { envelopeType, type Notification } from "./envelope.ts";

export interface EndpointOptions {
  readonly name: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, readonly string[]>>;
  /** Milliseconds until an attempt counts as failed. */
  readonly timeout: number;
  /** Failures one after the other before attempts become rare. */
  readonly threshold: number;
  /** Milliseconds between rare attempts. */
  readonly backoff: number;
  readonly ignoredMediaTypes: readonly string[];
  readonly ignoredActions: readonly string[];
}

export interface EndpointHooks {
  /** `sent`, `failed` (an attempt), `refused` (the receiver wants no such event), `dropped` (the queue was full). */
  onResult(result: "sent" | "failed" | "refused" | "dropped", reason?: string): void;
  /** Default: by the clock. Rejects when aborted. */
  readonly wait?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

const byClock: NonNullable<EndpointHooks["wait"]> = (milliseconds, signal) =>
  setTimeout(milliseconds, undefined, { signal });

/** A receiver that is down for long must not take the memory. */
const mostWaiting = 10_000;

/** The receiver's word that the event itself is at fault: asking again would hold up all that come behind. */
const refusals = new Set([400, 413, 415, 422]);

export class EndpointQueue {
  readonly #options: EndpointOptions;
  readonly #hooks: EndpointHooks;
  readonly #stop = new AbortController();
  #waiting: Notification[] = [];
  #running: Promise<void> | undefined;

  constructor(options: EndpointOptions, hooks: EndpointHooks) {
    this.#options = options;
    this.#hooks = hooks;
  }

  get pending(): number {
    return this.#waiting.length;
  }

  add(event: Notification): void {
    const { ignoredMediaTypes, ignoredActions } = this.#options;
    const { mediaType } = event.target;
    if (ignoredActions.includes(event.action)) return;
    if (mediaType !== undefined && ignoredMediaTypes.includes(mediaType)) return;
    if (this.#stop.signal.aborted || this.#waiting.length >= mostWaiting)
      return this.#hooks.onResult("dropped");
    this.#waiting.push(event);
    this.#running ??= this.#send().finally(() => (this.#running = undefined));
  }

  /** Resolves when nothing waits, or when `signal` is aborted: then what waits is lost. Returns how many events were. */
  async drain(signal: AbortSignal): Promise<number> {
    const stop = () => this.#stop.abort();
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    await this.#running;
    signal.removeEventListener("abort", stop);
    stop();
    return this.#waiting.length;
  }

  async #send(): Promise<void> {
    const { threshold, backoff } = this.#options;
    const { signal } = this.#stop;
    for (let failures = 0; this.#waiting.length > 0 && !signal.aborted;) {
      const problem = await this.#attempt(this.#waiting[0] as Notification);
      if (problem === undefined) {
        this.#waiting.shift();
        failures = 0;
        continue;
      }
      failures += 1;
      const pause = failures < threshold ? Math.min(backoff, 50 * 2 ** Math.min(failures, 10)) : backoff;
      await (this.#hooks.wait ?? byClock)(pause, signal).catch(() => undefined);
    }
  }

  /** Undefined: the event is done with. Never rejects. */
  async #attempt(event: Notification): Promise<string | undefined> {
    const { url, timeout } = this.#options;
    let problem: string;
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: this.#headers(),
        body: JSON.stringify({ events: [event] }),
        signal: AbortSignal.any([this.#stop.signal, AbortSignal.timeout(timeout)]),
      });
      await response.body?.cancel();
      problem = `status ${response.status}`;
      const taken = response.ok;
      if (taken || refusals.has(response.status)) {
        this.#hooks.onResult(taken ? "sent" : "refused", taken ? undefined : problem);
        return undefined;
      }
    } catch (error) {
      const { message, cause } = error as Error;
      problem = cause instanceof Error ? cause.message : message;
    }
    this.#hooks.onResult("failed", problem);
    return problem;
  }

  #headers(): Headers {
    const headers = new Headers();
    for (const [name, values] of Object.entries(this.#options.headers)) {
      for (const value of values) headers.append(name, value);
    }
    headers.set("Content-Type", envelopeType);
    return headers;
  }
}
