/** What the tests of the cache share: an upstream that misbehaves on demand, and a registry that is a copy of it. */
import { createCipheriv, createHash } from "node:crypto";
import { request, type IncomingMessage } from "node:http";
import { once } from "node:events";
import { pushSmallImage, serveOn } from "../../../test/suites/registry_requests.ts";
import { digestOf } from "../../oci/index.ts";
import type { FaultPlan } from "../faults.ts";
import { serveRegistry, type ServeRegistryOptions } from "../serve_registry.ts";
import { memoryStorage } from "../storage/memory.ts";
import type { StorageDriver } from "../storage/types.ts";
import type { UpstreamSettings } from "./types.ts";
import { Upstreams } from "./upstreams.ts";

export interface MirrorOptions {
  readonly upstream?: Partial<ServeRegistryOptions>;
  readonly settings?: Partial<UpstreamSettings>;
  /** Of the copy. */
  readonly storage?: StorageDriver;
  /** `GET blob`-like rules for requests to the upstream; may be changed at any time. */
  readonly faults?: FaultPlan;
  /** Milliseconds after which a silent upstream counts as gone; default 60,000. */
  readonly idleMs?: number;
}

const hour = 3_600_000;

/** An upstream, and a registry whose names below `up/` are the upstream's. */
export async function mirrored(options: MirrorOptions = {}) {
  const stack = new AsyncDisposableStack();
  const plan: { faults: FaultPlan | undefined } = { faults: options.faults };
  const upstream = await serveRegistry({
    storage: "memory",
    faults: (asked) => plan.faults?.(asked),
    ...options.upstream,
  });
  stack.use(upstream);
  const counts: string[] = [];
  const problems: { message: string; fields: Readonly<Record<string, unknown>> }[] = [];
  const time = { now: Date.now() };
  const received = { bytes: 0 };
  const watch = {
    counted: (label: string, kind: string, result: string) => void counts.push(`${label} ${kind} ${result}`),
    received: (_: string, bytes: number) => void (received.bytes += bytes),
    problem: (message: string, fields: Readonly<Record<string, unknown>>) =>
      void problems.push({ message, fields }),
  };
  // Waits take no time, so that a test of many tries takes none either.
  const clock = {
    now: () => time.now,
    sleep: async (_: number, signal: AbortSignal) => signal.throwIfAborted(),
  };
  const settings = {
    prefix: "up",
    url: `http://${upstream.address}`,
    credentials: undefined,
    ttl: 168 * hour,
    revalidate: 0,
    library: false,
    ...options.settings,
  };
  const upstreams = new Upstreams([settings], watch, {
    clock,
    environment: {},
    ...(options.idleMs !== undefined && { idleMs: options.idleMs }),
  });
  const storage = options.storage ?? memoryStorage();
  const served = await serveOn({ storage, upstreams });
  stack.use(served);
  stack.use(upstreams);
  return {
    origin: served.origin,
    upstream,
    upstreamOrigin: `http://${upstream.address}`,
    upstreams,
    storage,
    plan,
    time,
    counts,
    problems,
    received,
    /** What the upstream was asked since the last look: `GET /v2/…`. */
    asked: () => upstream.requests.splice(0).map(({ method, path }) => `${method} ${path}`),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** An upstream with `app:v1`, and the URL of its copy. */
export async function withImage(options: MirrorOptions = {}) {
  const mirror = await mirrored(options);
  const digest = await pushSmallImage(mirror.upstreamOrigin, "app", "v1");
  mirror.asked();
  const tag = `${mirror.origin}/v2/up/app/manifests/v1`;
  const pull = async (url = tag) => {
    const answer = await fetch(url);
    const bytes = Buffer.from(await answer.arrayBuffer());
    return { status: answer.status, digest: digestOf(bytes), stale: answer.headers.get("warning") !== null };
  };
  return { ...mirror, digest, tag, pull };
}

/** The same bytes at each run, that nothing compresses. */
export function noise(size: number, seed: string): Buffer {
  const key = createHash("sha256").update(seed).digest();
  return createCipheriv("aes-256-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(size));
}

/** A GET whose answer is read when the test says so. */
export async function openGet(url: string): Promise<IncomingMessage> {
  const sent = request(url, { agent: false }).end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  return response;
}

/** All paths of a storage's files. */
export async function filesIn(storage: StorageDriver, path = ""): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, kind } of storage.list(path)) {
    const full = path === "" ? name : `${path}/${name}`;
    if (kind === "file") files.push(full);
    else files.push(...(await filesIn(storage, full)));
  }
  return files;
}
