import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { serveRegistry } from "../../registry/index.ts";
import { failure, log, seed, serveProxy, signal, testImage, testRemote } from "../testing.test.ts";
import { inNetwork, isLoopback, proxyFor, type Environment } from "./proxy.ts";

const both = { HTTP_PROXY: "http://p:1", HTTPS_PROXY: "https://p:2" };
const cases: readonly [string, Environment, string | undefined][] = [
  ["https://r.example/v2/", {}, undefined],
  ["https://r.example/v2/", both, "https://p:2"],
  ["http://r.example/v2/", both, "http://p:1"],
  ["http://r.example/", { ...both, http_proxy: "lower:9" }, "http://lower:9"],
  ["http://r.example/", { ...both, REQUEST_METHOD: "GET" }, undefined],
  ["https://127.8.9.1:5000/", both, undefined],
  ["https://localhost:5000/", both, undefined],
  ["https://[::1]:5000/", both, undefined],
  ["https://r.example/", { ...both, NO_PROXY: "*" }, undefined],
  ["https://r.example/", { ...both, NO_PROXY: "other, r.example" }, undefined],
  ["https://a.r.example/", { ...both, no_proxy: "R.example" }, undefined],
  ["https://ar.example/", { ...both, NO_PROXY: "r.example" }, "https://p:2"],
  ["https://r.example/", { ...both, NO_PROXY: ".r.example" }, "https://p:2"],
  ["https://a.r.example/", { ...both, NO_PROXY: ".r.example" }, undefined],
  ["https://a.r.example/", { ...both, NO_PROXY: "*.r.example" }, undefined],
  ["https://r.example:5000/", { ...both, NO_PROXY: "r.example:5000" }, undefined],
  ["https://r.example/", { ...both, NO_PROXY: "r.example:5000" }, "https://p:2"],
  ["https://r.example/", { ...both, NO_PROXY: "r.example:443" }, undefined],
  ["https://10.1.2.3/", { ...both, NO_PROXY: "10.0.0.0/8" }, undefined],
  ["https://11.1.2.3/", { ...both, NO_PROXY: "10.0.0.0/8" }, "https://p:2"],
  ["https://10.1.2.3:5000/", { ...both, NO_PROXY: "10.1.2.3" }, undefined],
  ["https://[fd00::5]/", { ...both, NO_PROXY: "fd00::/8" }, undefined],
  ["https://[fd00::5]/", { ...both, NO_PROXY: "fd00::5" }, undefined],
  ["https://[fd00::5]:5000/", { ...both, NO_PROXY: "[fd00::5]:5000" }, undefined],
  ["https://r.example/", { ...both, NO_PROXY: "," }, "https://p:2"],
];
describe("which proxy", () => {
  for (const [url, environment, expected] of cases) {
    test(`${url} with ${JSON.stringify(environment)}`, () => {
      assert.equal(proxyFor(new URL(url), environment), expected);
    });
  }
});

test("networks and loopback", () => {
  assert.ok(inNetwork("192.168.7.1", "192.168.0.0/16"));
  for (const network of ["192.168.0.0", "192.168.0.0/33", "x/8", "192.168.0.0/-1", "::/0"]) {
    assert.ok(!inNetwork("192.168.7.1", network), network);
  }
  assert.deepEqual(["127.0.0.1", "::1", "a.localhost", "127.evil.example", "10.0.0.1"].map(isLoopback), [
    true,
    true,
    true,
    false,
    false,
  ]);
});

test("HTTPS asks the proxy for a tunnel, plain HTTP is a request to it, each with its password", async () => {
  await using registry = await serveRegistry({ storage: "memory" });
  await seed(registry, "a", testImage(["one"]));
  await using proxy = await serveProxy(registry.address);
  const environment = {
    HTTPS_PROXY: `http://jo:secret@127.0.0.1:${proxy.port}`,
    HTTP_PROXY: `http://jo:secret@127.0.0.1:${proxy.port}`,
  };
  using remote = testRemote({ environment, hosts: { "registry.example": { insecure: true } } });
  // Behind the tunnel no TLS is spoken, so the plain form is tried, which this proxy does not serve.
  await assert.rejects(
    remote.head("registry.example/a:1", { signal }),
    failure("unavailable", "received unexpected HTTP status: 502 Bad Gateway"),
  );
  const authorization = `Basic ${Buffer.from("jo:secret").toString("base64")}`;
  assert.equal(proxy.asked[0], `CONNECT registry.example:443 ${authorization}`);
  assert.equal(proxy.asked[1], `GET http://registry.example/v2/ ${authorization}`);
  assert.deepEqual(log(registry), []);
});
