/** Our own tokens: given, taken, shared by several instances. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch } from "../../../../test/suites/scratch.ts";
import { composeAccess } from "../compose_access.ts";
import { basic, ecKey, outcome, scope, serveAccess } from "../testing.test.ts";
import { parseJwt } from "../tokens/jwt.ts";
import type { Access } from "../types.ts";
import { isFailure } from "../../../errors.ts";

/** Of "secret". */
const hash = "$2y$05$z6svPfy.SWgXRnnClm49O.sT8kSpPOmsktWyCNpIV2N2VO9V0HcX6";

const rules = [
  { everyone: true, repositories: "public/**", actions: "pull" },
  { users: "*", repositories: "${user}/**", actions: "*" },
  { groups: "ops", repositories: "**", actions: ["pull", "delete"] },
];

interface TokenAnswer {
  readonly token: string;
  readonly access_token: string;
  readonly scope: string;
  readonly expires_in: number;
  readonly issued_at: string;
  readonly refresh_token?: string;
}

/** jo and al, both with the password "secret"; al is in ops. */
async function start(directory: string, issuer: object = {}, now: () => number = Date.now) {
  const path = join(directory, "htpasswd");
  writeFileSync(path, `jo:${hash}\nal:${hash}\n`);
  const auth = {
    htpasswd: { realm: "r", path },
    issuer: { service: "reg", ...issuer },
    rules,
    groups: { ops: ["al"] },
  };
  const access = await composeAccess(auth, { now });
  const server = await serveAccess(access);
  const [stop, end] = [server[Symbol.asyncDispose], access[Symbol.asyncDispose]];
  const dispose = async () => {
    await stop();
    await end();
  };
  return { access, url: server.url, path, [Symbol.asyncDispose]: dispose };
}

type Started = Awaited<ReturnType<typeof start>>;

async function get(url: string, query: string, authorization?: string): Promise<TokenAnswer> {
  const response = await fetch(`${url}/token?service=reg${query}`, {
    headers: authorization === undefined ? {} : { authorization },
  });
  assert.equal(response.status, 200, await response.clone().text());
  assert.equal(response.headers.get("cache-control"), "no-store");
  return (await response.json()) as TokenAnswer;
}

async function post(url: string, form: Record<string, string>) {
  const response = await fetch(`${url}/token`, {
    method: "POST",
    body: new URLSearchParams({ service: "reg", client_id: "test", ...form }),
  });
  return { status: response.status, body: (await response.json()) as TokenAnswer };
}

const may = (access: Access, token: string, ...needed: Parameters<typeof scope>) =>
  outcome(access.controller, `Bearer ${token}`, scope(...needed));

test("B170 a token for what the rules allow, and no more", async () => {
  using dir = scratch("issuer");
  await using registry = await start(dir.path);
  const { access, url } = registry;
  const challenge = `Bearer realm="http://registry.example/token",service="reg"`;
  assert.equal(await outcome(access.controller, undefined), `401 UNAUTHORIZED ${challenge}`);
  const wanted =
    "&scope=repository:jo/app:pull,push&scope=repository:al/app:pull%20repository:public/x:pull,push";
  const { token, ...rest } = await get(url, wanted, basic("jo", "secret"));
  assert.equal(rest.access_token, token);
  assert.equal(rest.scope, "repository:jo/app:pull,push repository:public/x:pull");
  assert.equal(rest.expires_in, 300);
  assert.ok(Math.abs(Date.parse(rest.issued_at) - Date.now()) < 60_000);
  assert.equal(rest.refresh_token, undefined);
  assert.equal(await may(access, token, "jo/app", "pull", "push"), "200 jo");
  assert.equal(
    await may(access, token, "jo/app", "delete"),
    `401 UNAUTHORIZED ${challenge},scope="repository:jo/app:delete",error="insufficient_scope"`,
  );
  assert.match(await may(access, token, "al/app", "pull"), /insufficient_scope/);
  assert.equal(await outcome(access.controller, `Bearer ${token}`), "200 jo");
});

test("who has no name gets a token too, for what everyone may", async () => {
  using dir = scratch("issuer");
  await using registry = await start(dir.path);
  const { access, url } = registry;
  const { token, scope: given } = await get(
    url,
    "&scope=repository:public/x:pull,push&scope=repository:jo/app:pull",
  );
  assert.equal(given, "repository:public/x:pull");
  assert.equal(await may(access, token, "public/x", "pull"), "200 -");
  assert.match(await may(access, token, "public/x", "pull", "push"), /^401 .*insufficient_scope/);
  // Clients that ask only when they must need no token at all.
  assert.equal(await outcome(access.controller, undefined, scope("public/x", "pull")), "200 -");
  assert.match(await outcome(access.controller, undefined, scope("public/x", "pull", "push")), /^401/);
});

test("groups are in the token; a wanted * is what one may; scopes that we do not know give nothing", async () => {
  using dir = scratch("issuer");
  await using registry = await start(dir.path);
  const { url } = registry;
  const wanted =
    "&scope=repository:jo/app:*&scope=repository(plugin):al/p:*&scope=other:x:pull&scope=nonsense&scope=registry:catalog:*";
  const { token, scope: given } = await get(url, wanted, basic("al", "secret"));
  assert.equal(given, "repository:jo/app:pull,delete repository:al/p:*");
  const { claims } = parseJwt(token)!;
  assert.deepEqual(
    [claims["sub"], claims["groups"], claims["iss"], claims["aud"]],
    ["al", ["ops"], "varve", "reg"],
  );
});

test("wrong credentials, wrong service, wrong grant, too much: refused", async () => {
  using dir = scratch("issuer");
  await using registry = await start(dir.path);
  const { url } = registry;
  const many = "&scope=repository:a:pull".repeat(51);
  const gets: [query: string, authorization: string | undefined, status: number][] = [
    ["?service=reg", basic("jo", "wrong"), 401],
    ["?service=reg", basic("no", "secret"), 401],
    ["?service=reg", "Bearer x", 401],
    ["?service=other", basic("jo", "secret"), 400],
    ["", undefined, 400],
    [`?service=reg${many}`, undefined, 400],
  ];
  for (const [query, authorization, status] of gets) {
    const response = await fetch(`${url}/token${query}`, { headers: authorization ? { authorization } : {} });
    const body = (await response.json()) as { errors: { code: string }[] };
    assert.equal(response.status, status, query);
    assert.equal(body.errors[0]?.code, status === 401 ? "UNAUTHORIZED" : "UNSUPPORTED");
    assert.equal(response.headers.get("www-authenticate"), status === 401 ? 'Basic realm="r"' : null);
  }
  const posts: [form: Record<string, string>, status: number][] = [
    [{ grant_type: "password", username: "jo", password: "wrong" }, 401],
    [{ grant_type: "password" }, 401],
    [{ grant_type: "refresh_token", refresh_token: "x" }, 401],
    [{ grant_type: "authorization_code" }, 400],
    [{}, 400],
    [{ grant_type: "password", username: "jo", password: "secret", service: "other" }, 400],
    [{ grant_type: "password", username: "x".repeat(10_000_000) }, 400],
  ];
  for (const [form, status] of posts)
    assert.equal((await post(url, form)).status, status, JSON.stringify(form).slice(0, 99));
  assert.equal((await fetch(`${url}/token`, { method: "PUT" })).status, 405);
  // Targets that are no URL, and paths that are not ours.
  for (const target of ["//", "/token/", "/tokens?service=reg", "/%zz", "/.well-known/jwks.json/"])
    assert.equal((await fetch(`${url}${target}`)).status, 401, target);
});

test("a refresh token stands for the password until that changes, and is no access token", async () => {
  using dir = scratch("issuer");
  await using registry = await start(dir.path);
  const { access, url, path } = registry;
  const { refresh_token: refresh = "", token } = await get(url, "&offline_token=true", basic("jo", "secret"));
  assert.match(await may(access, refresh, "jo/app", "pull"), /invalid_token/);
  const grant = { grant_type: "refresh_token", refresh_token: refresh, scope: "repository:jo/app:pull" };
  const renewed = await post(url, grant);
  assert.equal(renewed.status, 200);
  assert.equal(renewed.body.refresh_token, refresh);
  assert.equal(await may(access, renewed.body.access_token, "jo/app", "pull"), "200 jo");
  assert.equal((await post(url, { ...grant, refresh_token: token })).status, 401);
  assert.equal((await post(url, { ...grant, refresh_token: `${refresh.slice(0, -4)}AAAA` })).status, 401);
  writeFileSync(path, `jo:${hash.replace("Pfy", "Pfz")}\n`);
  assert.equal((await post(url, grant)).status, 401);
  writeFileSync(path, `jo:${hash}\n\n`);
  assert.equal((await post(url, grant)).status, 200);
  writeFileSync(path, `al:${hash}\n`);
  assert.equal((await post(url, grant)).status, 401);
});

test("password grant, offline", async () => {
  using dir = scratch("issuer");
  await using registry = await start(dir.path);
  const { access, url } = registry;
  const form = {
    grant_type: "password",
    username: "jo",
    password: "secret",
    scope: "repository:jo/a:pull repository:jo/b:push",
  };
  const { body } = await post(url, { ...form, access_type: "offline" });
  assert.equal(body.scope, "repository:jo/a:pull repository:jo/b:push");
  assert.equal(await may(access, body.access_token, "jo/b", "push"), "200 jo");
  assert.equal(
    (await post(url, { grant_type: "refresh_token", refresh_token: body.refresh_token! })).status,
    200,
  );
  assert.equal((await post(url, form)).body.refresh_token, undefined);
});

test("lives are as configured", async () => {
  using dir = scratch("issuer");
  let now = 1_000_000_000_000;
  await using registry = await start(dir.path, { expires: "2m", refreshexpires: "1h" }, () => now);
  const { access, url } = registry;
  const {
    token,
    expires_in,
    refresh_token = "",
  } = await get(url, "&offline_token=true", basic("jo", "secret"));
  assert.equal(expires_in, 120);
  now += 180_000;
  assert.equal(await outcome(access.controller, `Bearer ${token}`), "200 jo");
  now += 1000;
  assert.match(await outcome(access.controller, `Bearer ${token}`), /invalid_token/);
  const grant = { grant_type: "refresh_token", refresh_token };
  assert.equal((await post(url, grant)).status, 200);
  now += 3_600_000;
  assert.equal((await post(url, grant)).status, 401);
});

for (const algorithm of ["ES256", "RS256", "EdDSA"] as const) {
  test(`instances share a key file (${algorithm}), and others learn the keys from the key set`, async () => {
    using dir = scratch("issuer");
    const key = join(dir.path, "key.pem");
    // At once: the first one's key must become everybody's.
    const started = await Promise.all([1, 2].map(() => start(dir.path, { key, algorithm })));
    await using stack = new AsyncDisposableStack();
    const [one, two] = started.map((each) => stack.use(each)) as [Started, Started];
    assert.equal(statSync(key).mode & 0o777, 0o600);
    const { token } = await get(one.url, "&scope=repository:jo/a:pull", basic("jo", "secret"));
    assert.equal(parseJwt(token)?.header.alg, algorithm);
    assert.equal(await may(two.access, token, "jo/a", "pull"), "200 jo");
    const set = (await (await fetch(`${one.url}/.well-known/jwks.json`)).json()) as { keys: object[] };
    assert.ok(set.keys.length === 1 && !Object.keys(set.keys[0]!).includes("d"));
    const token2 = { realm: "x", service: "reg", issuer: "varve", jwks: `${one.url}/.well-known/jwks.json` };
    await using other = await composeAccess({ token: token2 });
    assert.equal(await may(other, token, "jo/a", "pull"), "200 jo");
  });
}

test("a new key on top signs; the old one still verifies until it is gone", async () => {
  using dir = scratch("issuer");
  const key = join(dir.path, "key.pem");
  await using registry = await start(dir.path, { key });
  const { access, url } = registry;
  const old = await get(url, "", basic("jo", "secret"));
  const before = readFileSync(key, "utf8");
  const fresh = generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" });
  writeFileSync(key, `${fresh}${before}`);
  const young = await get(url, "", basic("jo", "secret"));
  assert.deepEqual(
    [old, young].map(({ token }) => parseJwt(token)?.header.alg),
    ["ES256", "EdDSA"],
  );
  for (const { token } of [old, young])
    assert.equal(await outcome(access.controller, `Bearer ${token}`), "200 jo");
  assert.equal((await get(url, "", basic("jo", "secret"))).expires_in, 300);
});

test("without a file the key is this process's; a file without a usable key is refused", async () => {
  using dir = scratch("issuer");
  await using one = await start(dir.path);
  await using two = await start(dir.path);
  const { token } = await get(one.url, "", basic("jo", "secret"));
  assert.match(await outcome(two.access.controller, `Bearer ${token}`), /invalid_token/);
  const key = join(dir.path, "key.pem");
  const small = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey.export({
    format: "pem",
    type: "pkcs8",
  });
  const publicOnly = ecKey()
    .export({ format: "pem", type: "sec1" })
    .toString()
    .replaceAll("PRIVATE", "PUBLIC");
  for (const [text, message] of [
    ["", "it holds no private key in PEM"],
    [publicOnly, "it holds no private key in PEM"],
    [small, "key 1 is of a kind that no token is signed with (rsa)"],
    ["-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "key 1 cannot be read"],
  ] as const) {
    writeFileSync(key, text);
    await assert.rejects(
      start(dir.path, { key }),
      (error) => isFailure(error, "invalid") && error.message === `${key}: ${message}`,
    );
  }
});
