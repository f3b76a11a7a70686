import assert from "node:assert/strict";
import { test } from "node:test";
import type { Failure } from "../../../errors.ts";
import { upstreamSettings } from "./proxy_keys.ts";
import { readConfig } from "./read_config.ts";

const hour = 3_600_000;

function read(proxy: unknown, others: Record<string, unknown> = {}) {
  const overrides = { storage: "inmemory", http: { addr: "127.0.0.1:5000" }, ...others, proxy };
  return readConfig({ environment: {}, overrides });
}

async function problemsOf(proxy: unknown, others?: Record<string, unknown>): Promise<string[]> {
  const failure = await read(proxy, others).then(
    () => undefined,
    (error: Failure) => error,
  );
  assert.ok(failure, "it was taken");
  return `${failure.message}\n${failure.hint ?? ""}`
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.replace("configuration: ", ""));
}

test("without proxy there is no upstream, nor with the empty one of distribution's examples", async () => {
  for (const proxy of [undefined, null, {}, { remoteurl: null }, { remoteurl: "" }]) {
    assert.deepEqual(upstreamSettings((await read(proxy)).proxy), []);
  }
});

test("distribution's proxy makes all repositories copies", async () => {
  const keys = { remoteurl: "https://registry.example/", username: "u", password: 5, ttl: "24h" };
  assert.deepEqual(upstreamSettings((await read(keys)).proxy), [
    {
      prefix: "",
      url: "https://registry.example",
      credentials: { username: "u", password: "5" },
      ttl: 24 * hour,
      revalidate: 0,
      library: false,
    },
  ]);
});

test("several upstreams, each by its prefix; Docker Hub by whatever name it has", async () => {
  const upstreams = [
    { prefix: "hub", remoteurl: "https://docker.io", revalidate: "30s" },
    { prefix: "a/b", remoteurl: "https://registry-1.docker.io", library: false, ttl: 0 },
    { prefix: "c", remoteurl: "http://127.0.0.1:5001/path" },
  ];
  const settings = upstreamSettings((await read({ upstreams })).proxy);
  assert.deepEqual(
    settings.map(({ prefix, url, ttl, revalidate, library }) => [prefix, url, ttl, revalidate, library]),
    [
      ["hub", "https://registry-1.docker.io", 168 * hour, 30_000, true],
      ["a/b", "https://registry-1.docker.io", 0, 0, false],
      ["c", "http://127.0.0.1:5001/path", 168 * hour, 0, false],
    ],
  );
});

test("the environment has the password", async () => {
  const { proxy } = await readConfig({
    environment: {
      REGISTRY_STORAGE: "inmemory",
      REGISTRY_PROXY_REMOTEURL: "https://registry.example",
      REGISTRY_PROXY_USERNAME: "u",
      REGISTRY_PROXY_PASSWORD: "p",
    },
  });
  assert.deepEqual(upstreamSettings(proxy)[0]?.credentials, { username: "u", password: "p" });
});

const url = "https://registry.example";
const wrong: readonly (readonly [string, unknown, readonly string[], Record<string, unknown>?])[] = [
  [
    "a URL that is none",
    { remoteurl: "registry.example" },
    ["proxy.remoteurl: expected an http or https URL such as https://registry.example"],
  ],
  [
    "credentials in the URL, which are not shown",
    { remoteurl: "https://me:s3cret@registry.example" },
    ["proxy.remoteurl: credentials do not belong into the URL: give username and password"],
  ],
  [
    "more than the registry's URL",
    { remoteurl: `${url}/v2/` },
    ["proxy.remoteurl: expected the registry's URL alone, without /v2/ and what comes after it"],
  ],
  [
    "half of the credentials",
    { remoteurl: url, username: "u" },
    ["proxy.password: is missing: username and password go together"],
  ],
  [
    "credentials by a command",
    { remoteurl: url, exec: { command: "/bin/x" } },
    ["proxy.exec: no command is asked for credentials: give username and password"],
  ],
  [
    "a time without unit",
    { remoteurl: url, ttl: 5 },
    ["proxy.ttl: expected a time such as 500ms, 30s, 1m30s or 168h, found 5"],
  ],
  [
    "an upstream without anything",
    { upstreams: [{}] },
    ["proxy.upstreams.0.remoteurl: is missing", "proxy.upstreams.0.prefix: is missing"],
  ],
  [
    "prefixes that no name has, and one twice",
    {
      upstreams: ["Hub", "a/", "x", "x"].map((prefix) => ({ prefix, remoteurl: url })),
    },
    [
      'proxy.upstreams.0.prefix: no repository\'s name can begin with "Hub"',
      'proxy.upstreams.1.prefix: no repository\'s name can begin with "a/"',
      "proxy.upstreams.3.prefix: x is another upstream's",
    ],
  ],
  [
    "itself, by its address",
    { remoteurl: "http://localhost:5000" },
    ["proxy.remoteurl: is this registry itself"],
  ],
  [
    "itself, by its name",
    { upstreams: [{ prefix: "a", remoteurl: url }] },
    ["proxy.upstreams.0.remoteurl: is this registry itself"],
    { http: { host: `${url}/` } },
  ],
  [
    "a registry that may not write",
    { remoteurl: url },
    ["proxy: what is pulled is kept, which storage.maintenance.readonly forbids"],
    { storage: { inmemory: {}, maintenance: { readonly: { enabled: true } } } },
  ],
];

for (const [what, proxy, problems, others] of wrong) {
  test(`refused: ${what}`, async () => {
    assert.deepEqual(await problemsOf(proxy, others), problems);
  });
}

test("a password that goes over the network without TLS is warned of", async () => {
  const keys = { remoteurl: "http://registry.example", username: "u", password: "s3cret" };
  const { warnings } = await read(keys);
  assert.deepEqual(warnings, ["configuration: proxy.password: goes over the network without TLS"]);
});
