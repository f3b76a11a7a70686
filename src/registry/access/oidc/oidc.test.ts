/** Jobs of CI systems: bearer tokens, and tokens as passwords. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { composeAccess } from "../compose_access.ts";
import { basic, ecKey, outcome, scope, serveAccess, serveHttp, signToken } from "../testing.test.ts";
import { isFailure, type Failure } from "../../../errors.ts";
import { fillTemplate, meetsConditions } from "./claim_condition.ts";

interface Provider extends AsyncDisposable {
  readonly url: string;
  /** Paths asked for so far. */
  readonly asked: string[];
  keys: object[];
  /** Instead of the usual answers. */
  answer: ((path: string) => { status?: number; body?: string; location?: string } | undefined) | undefined;
}

async function provider(): Promise<Provider> {
  const state = { asked: [] as string[], keys: [] as object[], answer: undefined as Provider["answer"] };
  const server = await serveHttp((request, response) => {
    const path = request.url ?? "";
    state.asked.push(path);
    const { status = 200, body, location } = state.answer?.(path) ?? {};
    const issuer = `http://${request.headers.host}`;
    const usual = path.includes("openid") ? { issuer, jwks_uri: `${issuer}/keys` } : { keys: state.keys };
    response.writeHead(status, location === undefined ? {} : { location });
    response.end(body ?? JSON.stringify(usual));
  });
  return Object.assign(state, server);
}

const jwk = (key: ReturnType<typeof ecKey>, kid: string) => ({
  ...key.export({ format: "jwk" }),
  d: undefined,
  kid,
});

async function open(
  issuer: string,
  options: { now?: () => number; problems?: Failure[]; extra?: object } = {},
) {
  const identities = [
    {
      claims: { repository_owner: "acme", ref: ["refs/heads/*", "refs/tags/v*"] },
      user: "ci:${repository}",
      groups: ["ci", "env-${environment}"],
      groupsclaim: "roles",
    },
    { claims: { sub: "nightly" } },
  ];
  const oidc = { issuer, audience: "reg", identities };
  const rules = [
    { groups: "ci", repositories: "acme/**", actions: ["pull", "push"] },
    { groups: "releasers", repositories: "release/**", actions: "push" },
    { users: "oidc:nightly", repositories: "**", actions: "pull" },
  ];
  return composeAccess(
    { oidc, rules, ...options.extra },
    { now: options.now ?? Date.now, onProblem: (failure) => options.problems?.push(failure) },
  );
}

function claims(iss: string, more: object = {}) {
  const exp = Math.floor(Date.now() / 1000) + 300;
  const about = {
    repository_owner: "acme",
    repository: "acme/app",
    ref: "refs/heads/main",
    roles: ["releasers"],
  };
  return { iss, aud: "reg", sub: "repo:acme/app", exp, ...about, ...more };
}

test("a job's token is taken for what its claims make of it", async () => {
  await using ci = await provider();
  const key = ecKey();
  ci.keys = [jwk(key, "k")];
  const problems: Failure[] = [];
  await using access = await open(ci.url, { problems });
  const tried = (more: object, ...needed: Parameters<typeof scope>) =>
    outcome(
      access.controller,
      `Bearer ${signToken(key, { kid: "k" }, claims(ci.url, more))}`,
      scope(...needed),
    );
  assert.equal(await tried({}, "acme/app", "pull", "push"), "200 ci:acme/app");
  assert.equal(await tried({}, "release/app", "push"), "200 ci:acme/app");
  assert.equal(await tried({ roles: [] }, "release/app", "push"), "403 DENIED");
  assert.equal(await tried({ roles: "releasers" }, "release/app", "push"), "200 ci:acme/app");
  assert.equal(await tried({}, "other/app", "pull"), "403 DENIED");
  assert.equal(await tried({ ref: "refs/tags/v1" }, "acme/app", "push"), "200 ci:acme/app");
  assert.equal(await tried({ sub: "nightly", ref: "x" }, "any", "pull"), "200 oidc:nightly");
  for (const wrong of [
    { ref: "refs/pull/1/merge" },
    { repository_owner: "acme2" },
    { repository_owner: undefined },
    { repository_owner: ["x"] },
    { repository: undefined },
    { aud: "other" },
    { exp: 1 },
    { iss: "https://other.example" },
  ])
    assert.match(await tried(wrong, "acme/app", "pull"), /^401/, JSON.stringify(wrong));
  assert.equal(problems.length, 8);
  assert.deepEqual(ci.asked, ["/.well-known/openid-configuration", "/keys"]);
});

test("keys in the token and certificates prove nothing here; an unknown key is looked for, but not too often", async () => {
  await using ci = await provider();
  const [first, second, stranger] = [ecKey(), ecKey(), ecKey()];
  ci.keys = [jwk(first, "one")];
  let now = Date.now();
  await using access = await open(ci.url, { now: () => now });
  const tried = (key: typeof first, header: object) =>
    outcome(access.controller, `Bearer ${signToken(key, header, claims(ci.url))}`);
  assert.match(await tried(first, { kid: "one" }), /^200/);
  ci.asked.length = 0;
  for (const header of [
    { jwk: jwk(stranger, "one") },
    { kid: "two" },
    { kid: "one", jwk: jwk(stranger, "x") },
    {},
  ])
    assert.match(await tried(stranger, header), /^401/);
  assert.deepEqual(ci.asked, []);
  ci.keys = [jwk(second, "two")];
  now += 31_000;
  const both = await Promise.all([tried(second, { kid: "two" }), tried(second, { kid: "two" })]);
  assert.ok(both.every((each) => each.startsWith("200")));
  assert.deepEqual(ci.asked, ["/.well-known/openid-configuration", "/keys"]);
  assert.match(await tried(first, { kid: "one" }), /^401/);
});

test("while the provider is away its keys are used on, for a day", async () => {
  await using ci = await provider();
  const key = ecKey();
  ci.keys = [jwk(key, "k")];
  let now = Date.now();
  await using access = await open(ci.url, { now: () => now });
  const exp = Math.floor(now / 1000) + 200_000;
  const tried = (n: number) =>
    outcome(access.controller, `Bearer ${signToken(key, { kid: "k" }, claims(ci.url, { exp, n }))}`);
  assert.match(await tried(1), /^200/);
  ci.answer = () => ({ status: 503 });
  now += 3_600_000;
  assert.match(await tried(2), /^200/);
  now += 86_400_000;
  await assert.rejects(tried(3), (error) => isFailure(error, "unavailable"));
});

const nonsense: [name: string, answer: Provider["answer"]][] = [
  ["not JSON", () => ({ body: "<html>" })],
  [
    "another issuer",
    (path) => (path.includes("openid") ? { body: '{"issuer":"https://x.example"}' } : undefined),
  ],
  ["no list of keys", (path) => (path === "/keys" ? { body: "{}" } : undefined)],
  ["a redirect", (path) => (path === "/keys" ? { status: 302, location: "/elsewhere" } : undefined)],
  ["too long", (path) => (path === "/keys" ? { body: " ".repeat(1_100_000) } : undefined)],
  [
    "too many keys",
    (path) =>
      path === "/keys"
        ? { body: JSON.stringify({ keys: Array.from({ length: 101 }, () => ({})) }) }
        : undefined,
  ],
];

for (const [name, answer] of nonsense) {
  test(`a provider that answers ${name} lets nobody in`, async () => {
    await using ci = await provider();
    ci.answer = answer;
    await using access = await open(ci.url);
    const token = `Bearer ${signToken(ecKey(), { kid: "k" }, claims(ci.url))}`;
    await assert.rejects(outcome(access.controller, token), (error) => isFailure(error));
    assert.ok(!ci.asked.includes("/elsewhere"));
  });
}

test("docker login sends a job's token as password, and gets an access token but no refresh token", async () => {
  await using ci = await provider();
  const key = ecKey();
  ci.keys = [jwk(key, "k")];
  await using access = await open(ci.url, { extra: { issuer: { service: "reg" } } });
  await using server = await serveAccess(access);
  const password = signToken(key, { kid: "k" }, claims(ci.url));
  const answer = await fetch(
    `${server.url}/token?service=reg&offline_token=true&scope=repository:acme/app:pull,push`,
    {
      headers: { authorization: basic("whoever", password) },
    },
  );
  const body = (await answer.json()) as { token: string; scope: string; refresh_token?: string };
  assert.equal(body.scope, "repository:acme/app:pull,push");
  assert.equal(body.refresh_token, undefined);
  const pushed = await outcome(access.controller, `Bearer ${body.token}`, scope("acme/app", "pull", "push"));
  assert.equal(pushed, "200 ci:acme/app");
  const direct = await outcome(access.controller, basic("x", password), scope("acme/app", "pull"));
  assert.equal(direct, "200 ci:acme/app");
  // Our own token is no password.
  assert.match(await outcome(access.controller, basic("x", body.token), scope("acme/app", "pull")), /^401/);
});

test("conditions and templates", () => {
  const some = { a: "x/y", n: 5, b: true, list: ["p", "q"], o: {} };
  assert.ok(meetsConditions(some, { a: ["x/*"], n: ["5"], b: ["true"], list: ["q"] }));
  for (const [name, pattern] of [
    ["a", "x"],
    ["list", "r"],
    ["o", "*"],
    ["toString", "*"],
    ["__proto__", "*"],
  ] as const)
    assert.ok(!meetsConditions(some, { [name]: [pattern] }), name);
  assert.equal(fillTemplate("u:${a}:${n}", some), "u:x/y:5");
  assert.equal(fillTemplate("${list}", some), undefined);
  assert.equal(fillTemplate("${missing}", some), undefined);
});
