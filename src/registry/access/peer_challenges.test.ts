/** What docker-registry 2.8 and we ask of a client, on the same requests. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch } from "../../../test/suites/scratch.ts";
import { createRegistry } from "../create_registry.ts";
import { memoryStorage } from "../storage/memory.ts";
import { composeAccess } from "./compose_access.ts";
import { basic, serveHttp } from "./testing.test.ts";
import { certify, opensslSkip } from "./tokens/certificates_fixture.test.ts";
import { peerRegistry, peerSkip } from "./tokens/peer_registry.test.ts";

const digest = `sha256:${"0".repeat(64)}`;

/** Not the end of an upload: who may push may end his own here, and must have the right to delete there. */
const requests: [method: string, path: string][] = [
  ["GET", "/v2/"],
  ["GET", "/v2/_catalog"],
  ["GET", "/v2/a/b/tags/list"],
  ["GET", "/v2/a/b/manifests/1"],
  ["HEAD", "/v2/a/b/manifests/1"],
  ["PUT", "/v2/a/b/manifests/1"],
  ["DELETE", `/v2/a/b/manifests/${digest}`],
  ["GET", `/v2/a/b/blobs/${digest}`],
  ["DELETE", `/v2/a/b/blobs/${digest}`],
  ["POST", "/v2/a/b/blobs/uploads/"],
  ["POST", `/v2/a/b/blobs/uploads/?mount=${digest}&from=c/d`],
  ["PATCH", "/v2/a/b/blobs/uploads/3f1b1b6e-6d4c-4b8e-9d65-0a5f9d1a4f3a"],
];

/** Ours and theirs with one configuration. */
async function serveBoth(directory: string, auth: object) {
  const stack = new AsyncDisposableStack();
  const access = stack.use(await composeAccess(auth));
  const registry = createRegistry({ storage: memoryStorage(), access: access.controller });
  const ours = stack.use(await serveHttp((request, response) => void registry.handle(request, response)));
  const theirs = stack.use(await peerRegistry(directory, auth));
  return Object.assign(stack, { both: [ours.url, theirs.url] as const });
}

async function ask(url: string, [method, path]: [string, string], headers: Record<string, string> = {}) {
  const response = await fetch(`${url}${path}`, { method, headers });
  const text = await response.text();
  const challenge = response.headers.get("www-authenticate") ?? "";
  return {
    status: response.status,
    challenge: sortedScopes(challenge),
    errors: text === "" ? "" : errorsOf(text),
  };
}

/** Go's maps have no order. */
function sortedScopes(challenge: string): string {
  return challenge.replace(/scope="([^"]*)"/, (_, scopes: string) => {
    const sorted = scopes.split(" ").map((scope) => {
      const colon = scope.lastIndexOf(":") + 1;
      return scope.slice(0, colon) + scope.slice(colon).split(",").sort().join(",");
    });
    return `scope="${sorted.sort().join(" ")}"`;
  });
}

function errorsOf(text: string): unknown {
  return (JSON.parse(text) as { errors: unknown }).errors;
}

test("B170 the same challenge to the same request", { skip: opensslSkip || peerSkip }, async (t) => {
  using dir = scratch("challenges");
  const rootcertbundle = join(dir.path, "bundle.pem");
  writeFileSync(rootcertbundle, certify(dir.path, "root").pem);
  const token = {
    realm: "https://tokens.example/token",
    service: "reg.example",
    issuer: "i",
    rootcertbundle,
  };
  await using servers = await serveBoth(dir.path, { token });
  for (const request of requests) {
    for (const headers of [{}, { Authorization: "Bearer nonsense" }] as Record<string, string>[]) {
      await t.test(`${request.join(" ")} ${headers["Authorization"] ?? ""}`, async () => {
        const [ours, theirs] = await Promise.all(servers.both.map((url) => ask(url, request, headers)));
        assert.deepEqual(ours, theirs);
        assert.equal(ours?.status, 401);
      });
    }
  }
});

/** Of "secret". */
const hash = "$2y$05$z6svPfy.SWgXRnnClm49O.sT8kSpPOmsktWyCNpIV2N2VO9V0HcX6";

const credentials: (string | undefined)[] = [
  undefined,
  basic("jo", "secret"),
  basic("jo", "wrong"),
  basic("jo", ""),
  basic("spaced", "secret"),
  basic("no", "secret"),
  basic("plain", "secret"),
  basic("md5", "secret"),
  basic("sha", "secret"),
  basic("#comment", "secret"),
  basic("colon", "secret"),
  basic("", "secret"),
  basic("twice", "secret"),
  basic("cut", "secret"),
  basic("jo", "secret").replace("Basic", "basic"),
  basic("jo", "secret").replace("Basic", "Bearer"),
  "Basic",
  "Basic ???",
  `Basic ${Buffer.from("jo").toString("base64")}`,
];

test("B171 the same users let in and refused", { skip: peerSkip }, async (t) => {
  using dir = scratch("challenges");
  const path = join(dir.path, "htpasswd");
  const lines = [
    "# a comment",
    "",
    `jo:${hash}`,
    `  spaced:${hash}  `,
    "plain:secret",
    "md5:$apr1$MnTzGmU1$Xv1eVOYzsD4vWk0iXgYPx.",
    "sha:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=",
    `#comment:${hash}`,
    `colon:x:${hash}`,
    `twice:${hash.replace("z6s", "z7s")}`,
    `twice:${hash}`,
    `cut:${hash.slice(0, -1)}`,
  ];
  writeFileSync(path, lines.join("\r\n"));
  await using servers = await serveBoth(dir.path, { htpasswd: { realm: 'a "realm" \\ it', path } });
  for (const authorization of credentials) {
    await t.test(authorization ?? "nothing", async () => {
      const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
      const [ours, theirs] = await Promise.all(servers.both.map((url) => ask(url, ["GET", "/v2/"], headers)));
      const { errors: _ours, ...our } = ours!;
      const { errors: _theirs, ...their } = theirs!;
      assert.deepEqual(our, their);
    });
  }
});
