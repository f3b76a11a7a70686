/** Tokens of another server, checked as distribution checks them, and beside it. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import { scratch } from "../../../../test/suites/scratch.ts";
import { composeAccess } from "../compose_access.ts";
import { asking, ecKey, outcome, scope, signToken } from "../testing.test.ts";
import { RegistryError } from "../../registry_error.ts";
import type { Failure } from "../../../errors.ts";
import type { Scope } from "../types.ts";
import { opensslSkip } from "./certificates_fixture.test.ts";
import { peerRegistry, peerSkip } from "./peer_registry.test.ts";
import { issuer, service, tokenTable } from "./token_table.test.ts";

const realm = "https://tokens.example/token";
const bearer = `Bearer realm="${realm}",service="${service}"`;

test("B170 good and hostile tokens", { skip: opensslSkip }, async (t) => {
  using dir = scratch("tokens");
  const { bundle, cases } = tokenTable(dir.path, Math.floor(Date.now() / 1000));
  const rootcertbundle = join(dir.path, "bundle.pem");
  writeFileSync(rootcertbundle, `a comment\n${bundle}`);
  const reasons: Failure[] = [];
  const config = { token: { realm, service, issuer, rootcertbundle } };
  await using access = await composeAccess(config, { onProblem: (failure) => reasons.push(failure) });
  for (const { name, token, result } of cases) {
    await t.test(name, async () => {
      reasons.length = 0;
      const got = await outcome(access.controller, `Bearer ${token}`, scope("team/app", "pull"));
      if (result === "ok") assert.match(got, /^200/);
      else assert.equal(got, `401 UNAUTHORIZED ${bearer},scope="repository:team/app:pull",error="${result}"`);
      // Only the operator learns why, and never the token.
      assert.equal(reasons.length, result === "invalid_token" ? 1 : 0);
      assert.ok(!reasons.some(({ message }) => message.includes(token) && token.length > 20));
    });
  }
});

test("docker-registry 2.8 takes the same tokens", { skip: opensslSkip || peerSkip }, async (t) => {
  using dir = scratch("tokens");
  const { bundle, cases } = tokenTable(dir.path, Math.floor(Date.now() / 1000));
  const rootcertbundle = join(dir.path, "bundle.pem");
  writeFileSync(rootcertbundle, bundle);
  await using peer = await peerRegistry(dir.path, { token: { realm, service, issuer, rootcertbundle } });
  for (const { name, token, result, peer: other } of cases) {
    await t.test(name, async () => {
      const headers = { Authorization: `Bearer ${token}` };
      const response = await fetch(`${peer.url}/v2/team/app/manifests/1`, { headers });
      await response.text();
      const challenge = response.headers.get("www-authenticate");
      const got = /error="(\w+)"/.exec(challenge ?? "")?.[1] ?? (response.status === 404 ? "ok" : challenge);
      assert.equal(got, other ?? result);
    });
  }
});

const catalog: Scope = { type: "registry", name: "catalog", actions: ["*"] };
const scopes: [name: string, needed: Scope[], text: string | undefined][] = [
  ["base", [], undefined],
  ["pull", [scope("a/b", "pull")], "repository:a/b:pull"],
  ["push", [scope("a/b", "pull", "push")], "repository:a/b:pull,push"],
  [
    "mount",
    [scope("a/b", "pull", "push"), scope("c/d", "pull")],
    "repository:a/b:pull,push repository:c/d:pull",
  ],
  ["mount from itself", [scope("a/b", "pull", "push"), scope("a/b", "pull")], "repository:a/b:pull,push"],
  ["delete", [scope("a/b", "delete")], "repository:a/b:delete"],
  ["catalog", [catalog], "registry:catalog:*"],
];

test("B170 the challenge names what is needed", async (t) => {
  using dir = scratch("tokens");
  const jwks = join(dir.path, "jwks.json");
  writeFileSync(jwks, JSON.stringify({ keys: [ecKey().export({ format: "jwk" })] }));
  await using access = await composeAccess({ token: { realm, service, issuer, jwks } });
  for (const [name, needed, text] of scopes) {
    await t.test(name, async () => {
      const scopePart = text === undefined ? "" : `,scope="${text}"`;
      assert.equal(
        await outcome(access.controller, undefined, ...needed),
        `401 UNAUTHORIZED ${bearer}${scopePart}`,
      );
      const got = await outcome(access.controller, "Bearer x", ...needed);
      assert.equal(got, `401 UNAUTHORIZED ${bearer}${scopePart},error="invalid_token"`);
    });
  }
  await assert.rejects(
    access.controller.authorize(asking(undefined, scope("a/b", "pull", "push"))),
    (error) => {
      assert.ok(error instanceof RegistryError);
      const record = (Action: string) => ({ Type: "repository", Class: "", Name: "a/b", Action });
      assert.deepEqual(error.items[0]?.detail, [record("pull"), record("push")]);
      return true;
    },
  );
});

test("a key set in a file, read again when it changes; autoredirect leads to the client's own address", async () => {
  using dir = scratch("tokens");
  const jwks = join(dir.path, "jwks.json");
  const [first, second] = [ecKey(), ecKey()];
  const write = (...keys: object[]) => writeFileSync(jwks, JSON.stringify({ keys }));
  const jwk = (key: typeof first, more: object) => ({ ...key.export({ format: "jwk" }), ...more });
  write(jwk(first, { kid: "one" }), jwk(second, { kid: "enc", use: "enc" }), {
    kty: "oct",
    k: "c2VjcmV0",
    kid: "hmac",
  });
  const token = { realm, service, issuer, jwks, autoredirect: true };
  await using access = await composeAccess({ token });
  const exp = Math.floor(Date.now() / 1000) + 60;
  const claims = {
    iss: issuer,
    aud: service,
    sub: "jo",
    exp,
    access: [{ type: "repository", name: "a", actions: ["pull"] }],
  };
  const tried = (key: typeof first, kid: string) =>
    outcome(access.controller, `Bearer ${signToken(key, { kid }, claims)}`, scope("a", "pull"));
  const refused = `401 UNAUTHORIZED Bearer realm="http://registry.example/auth/token",service="${service}",scope="repository:a:pull",error="invalid_token"`;
  assert.equal(await tried(first, "one"), "200 jo");
  assert.equal(await tried(second, "two"), refused);
  assert.equal(await tried(second, "enc"), refused);
  assert.equal(await tried(first, "hmac"), refused);
  write(jwk(second, { kid: "two", alg: "ES256" }), jwk(first, { kid: "three", alg: "RS256" }));
  assert.equal(await tried(second, "two"), "200 jo");
  assert.equal(await tried(first, "three"), refused);
});

test("a remembered token ends when it ends", async () => {
  using dir = scratch("tokens");
  const jwks = join(dir.path, "jwks.json");
  const key = ecKey();
  writeFileSync(jwks, JSON.stringify({ keys: [{ ...key.export({ format: "jwk" }), kid: "k" }] }));
  let now = 1_000_000_000_000;
  await using access = await composeAccess({ token: { realm, service, issuer, jwks } }, { now: () => now });
  const token = `Bearer ${signToken(key, { kid: "k" }, { iss: issuer, aud: service, exp: 1_000_000_010 })}`;
  assert.equal(await outcome(access.controller, token), "200 -");
  now += 69_000;
  assert.equal(await outcome(access.controller, token), "200 -");
  now += 2_000;
  assert.match(await outcome(access.controller, token), /invalid_token/);
});

test("whatever is sent as a token, the answer is a refusal", async () => {
  using dir = scratch("tokens");
  const jwks = join(dir.path, "jwks.json");
  const key = ecKey();
  writeFileSync(jwks, JSON.stringify({ keys: [{ ...key.export({ format: "jwk" }), kid: "k" }] }));
  await using access = await composeAccess({ token: { realm, service, issuer, jwks } });
  const exp = Math.floor(Date.now() / 1000) + 60;
  const headers = fc.record(
    {
      alg: fc.constantFrom("ES256", "RS256", "none", 5),
      kid: fc.constantFrom("k", "x"),
      x5c: fc.json(),
      jwk: fc.json(),
    },
    { requiredKeys: [] },
  );
  const parsed = headers.map(({ x5c = "null", jwk = "null", ...rest }) => ({
    ...rest,
    ...(x5c !== "null" && { x5c: JSON.parse(x5c) as unknown }),
    ...(jwk !== "null" && { jwk: JSON.parse(jwk) as unknown }),
  }));
  const claims = fc.record({ iss: fc.constant(issuer), aud: fc.constant(service), exp: fc.constant(exp) });
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signatures = fc
    .uint8Array({ maxLength: 80 })
    .map((bytes) => Buffer.from(bytes).toString("base64url"));
  const built = fc.tuple(parsed, claims, signatures).map(([a, b, c]) => `${part(a)}.${part(b)}.${c}`);
  await fc.assert(
    fc.asyncProperty(fc.oneof(built, fc.string(), fc.base64String()), async (token) => {
      assert.match(await outcome(access.controller, `Bearer ${token}`), /^401 UNAUTHORIZED Bearer /);
    }),
    { numRuns: 500 },
  );
});
