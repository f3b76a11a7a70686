import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { test } from "node:test";
import type { RegistryEvent } from "../../hooks.ts";
import { EndpointQueue, type EndpointHooks, type EndpointOptions } from "./endpoint_queue.ts";
import { notificationOf, type Notification } from "./envelope.ts";

const digest = `sha256:${"a".repeat(64)}` as const;

const event: RegistryEvent = {
  identity: { user: "jo", groups: [] },
  requestId: "r-1",
  method: "PUT",
  remoteAddress: "10.0.0.9",
  userAgent: "docker/20.10",
  host: "registry.example:5000",
  time: new Date(0),
  action: "push",
  kind: "manifest",
  repository: "a/b",
  digest,
  size: 7,
  mediaType: "application/vnd.oci.image.manifest.v1+json",
  tag: "v1",
};

const source = { addr: ":5000", instanceID: "i", origin: undefined, scheme: "http" } as const;

test("an event is distribution's", () => {
  const { id, ...rest } = notificationOf(event, source);
  assert.match(id, /^[0-9a-f-]{36}$/);
  assert.deepEqual(rest, {
    timestamp: "1970-01-01T00:00:00.000Z",
    action: "push",
    target: {
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      size: 7,
      length: 7,
      digest,
      repository: "a/b",
      url: `http://registry.example:5000/v2/a/b/manifests/${digest}`,
      tag: "v1",
    },
    request: {
      id: "r-1",
      addr: "10.0.0.9",
      host: "registry.example:5000",
      method: "PUT",
      useragent: "docker/20.10",
    },
    actor: { name: "jo" },
    source: { addr: ":5000", instanceID: "i" },
  });
});

/** A receiver that answers with these statuses, 0 for none at all, and then with 200. */
async function receiver(statuses: readonly number[]) {
  const left = [...statuses];
  const seen: { readonly request: IncomingMessage; readonly tag: string | undefined }[] = [];
  const server = createServer(async (request, response) => {
    const body = (await json(request)) as { readonly events: readonly Notification[] };
    seen.push({ request, tag: body.events[0]?.target.tag });
    const status = left.shift() ?? 200;
    if (status === 0) request.socket.destroy();
    else response.writeHead(status).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url, seen, [Symbol.asyncDispose]: close };
}

function queueTo(
  url: string,
  options: Partial<EndpointOptions> = {},
  wait: EndpointHooks["wait"] = () => Promise.resolve(),
) {
  const results: string[] = [];
  const queue = new EndpointQueue(
    {
      name: "e",
      url,
      headers: { Authorization: ["Bearer t"] },
      timeout: 5000,
      threshold: 2,
      backoff: 60_000,
      ignoredMediaTypes: [],
      ignoredActions: [],
      ...options,
    },
    { onResult: (result) => void results.push(result), wait },
  );
  return { queue, results };
}

const tagged = (tag: string) => notificationOf({ ...event, tag } as RegistryEvent, source);

test("events arrive in order, with the endpoint's headers, however often the receiver fails", async () => {
  await using hook = await receiver([500, 0, 503, 200, 404]);
  const pauses: number[] = [];
  const { queue, results } = queueTo(hook.url, {}, async (pause) => void pauses.push(pause));
  queue.add(tagged("a"));
  queue.add(tagged("b"));
  assert.equal(await queue.drain(new AbortController().signal), 0);
  assert.deepEqual(
    hook.seen.map(({ tag }) => tag),
    ["a", "a", "a", "a", "b", "b"],
  );
  assert.equal(hook.seen[0]?.request.headers.authorization, "Bearer t");
  assert.equal(
    hook.seen[0]?.request.headers["content-type"],
    "application/vnd.docker.distribution.events.v1+json",
  );
  assert.deepEqual(results, ["failed", "failed", "failed", "sent", "failed", "sent"]);
  assert.deepEqual(pauses, [100, 60_000, 60_000, 100], "rare attempts once the threshold is reached");
});

test("an event that the receiver refuses does not hold up the others", async () => {
  await using hook = await receiver([422]);
  const { queue, results } = queueTo(hook.url);
  queue.add(tagged("a"));
  queue.add(tagged("b"));
  await queue.drain(new AbortController().signal);
  assert.deepEqual(results, ["refused", "sent"]);
});

test("ignored actions and media types are not sent", async () => {
  await using hook = await receiver([]);
  const { queue } = queueTo(hook.url, {
    ignoredActions: ["pull"],
    ignoredMediaTypes: ["application/octet-stream"],
  });
  queue.add({ ...tagged("a"), action: "pull" });
  queue.add({ ...tagged("b"), target: { repository: "x", mediaType: "application/octet-stream" } });
  queue.add(tagged("c"));
  await queue.drain(new AbortController().signal);
  assert.deepEqual(
    hook.seen.map(({ tag }) => tag),
    ["c"],
  );
});

test("a receiver that is down takes a bounded queue, and the shutdown no longer than its deadline", async () => {
  await using hook = await receiver([]);
  const { url } = hook;
  await hook[Symbol.asyncDispose]();
  const stop = new AbortController();
  const { queue, results } = queueTo(url, {}, () => {
    stop.abort();
    return Promise.resolve();
  });
  for (let count = 0; count < 10_003; count++) queue.add(tagged("a"));
  assert.equal(queue.pending, 10_000);
  assert.equal(results.filter((result) => result === "dropped").length, 3);
  assert.equal(await queue.drain(stop.signal), 10_000);
});
