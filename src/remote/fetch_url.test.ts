/** Files from a small server in this process. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { collect } from "../bytes/index.ts";
import { isFailure, type FailureKind } from "../errors.ts";
import { fetchUrl } from "./fetch_url.ts";

const { signal } = new AbortController();

async function serve(listener: RequestListener): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

test("a file is fetched through redirects, with its name, size and time", async () => {
  await using server = await serve((request, response) => {
    if (request.url === "/a/file%20b.txt?x=1")
      return void response.writeHead(302, { Location: "/objects/7f3a?signed=1" }).end();
    response.writeHead(200, {
      "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT",
      "Content-Type": "Text/Plain; charset=utf-8",
      "Content-Length": "5",
    });
    response.end("hello");
  });
  const { content, discard: _, ...rest } = await fetchUrl(`${server.url}/a/file%20b.txt?x=1`, { signal });
  assert.deepEqual(rest, {
    name: "file b.txt",
    size: 5,
    modified: new Date("2026-01-01T00:00:00Z"),
    contentType: "text/plain",
  });
  assert.equal(Buffer.from(await collect(content, 100)).toString(), "hello");
});

test("a password goes to its own origin only", async () => {
  const seen: (string | undefined)[] = [];
  await using other = await serve((request, response) => {
    seen.push(request.headers.authorization);
    response.end("x");
  });
  await using server = await serve((request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(307, { Location: `${other.url}/x` }).end();
  });
  const url = server.url.replace("http://", "http://me:secret@");
  await collect((await fetchUrl(url, { signal })).content, 10);
  assert.deepEqual(seen, [`Basic ${Buffer.from("me:secret").toString("base64")}`, undefined]);
});

test("where the URL has no name, the server may say one", async () => {
  await using server = await serve((request, response) => {
    response.setHeader("Content-Disposition", decodeURIComponent(request.url?.split("?")[1] ?? "")).end("x");
  });
  for (const [path, said, expected] of [
    ["/", "attachment; filename=a.tar", "a.tar"],
    ["/a/", 'attachment; size=1; FileName = "b \\"c\\".txt"', 'b "c".txt'],
    ["/", 'attachment; filename="/etc/passwd"', "passwd"],
    ["/", 'attachment; filename="a/.."', ""],
    ["/", "attachment", ""],
    ["/own", "attachment; filename=other", "own"],
  ] as const) {
    const { name, discard } = await fetchUrl(`${server.url}${path}?${encodeURIComponent(said)}`, { signal });
    assert.equal(name, expected, said);
    discard();
  }
});

test("a hostile server's names stay names", async () => {
  await using server = await serve((_, response) => void response.end("x"));
  for (const path of ["/a/..%2f..%2fetc", "/%2e%2e", "/a/", "/x%00y"]) {
    const { name, discard } = await fetchUrl(server.url + path, { signal });
    assert.equal(name, "", path);
    discard();
  }
  const broken = await fetchUrl(`${server.url}/%ff`, { signal });
  assert.equal(broken.name, "%ff");
  broken.discard();
});

test("what cannot be fetched is told", async () => {
  await using server = await serve((request, response) => {
    if (request.url === "/loop") return void response.writeHead(301, { Location: "/loop" }).end();
    if (request.url === "/file")
      return void response.writeHead(301, { Location: "file:///etc/passwd" }).end();
    if (request.url === "/large") return void response.end("0123456789");
    if (request.url === "/short") {
      response.writeHead(200, { "Content-Length": "10" }).write("01");
      return void setImmediate(() => response.destroy());
    }
    response.writeHead(request.url === "/busy" ? 503 : 404).end();
  });
  const cases: readonly (readonly [string, FailureKind, RegExp])[] = [
    ["/gone", "not-found", /^Get "http:.*\/gone": invalid response status 404 Not Found$/],
    ["/busy", "unavailable", /503/],
    ["/loop", "unavailable", /stopped after 10 redirects/],
    ["/file", "invalid", /no http or https URL/],
    ["/large", "limit", /over the limit of 5 bytes/],
    ["/short", "unavailable", /./],
  ];
  for (const [path, kind, message] of cases) {
    const read = async (): Promise<unknown> =>
      collect((await fetchUrl(server.url + path, { signal, maxBytes: 5 })).content, 100);
    await assert.rejects(read(), (error) => isFailure(error, kind) && message.test(error.message), path);
  }
  const cancelled = fetchUrl(server.url, { signal: AbortSignal.abort() });
  await assert.rejects(cancelled, (error) => isFailure(error, "cancelled"));
});
