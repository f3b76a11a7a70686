import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch } from "../../../test/suites/scratch.ts";
import { isFailure } from "../../errors.ts";
import { composeAccess } from "./compose_access.ts";
import { basic, outcome, scope } from "./testing.test.ts";

/** Of "secret". */
const hash = "$2y$05$z6svPfy.SWgXRnnClm49O.sT8kSpPOmsktWyCNpIV2N2VO9V0HcX6";

test("no auth: everybody may do everything", async () => {
  for (const config of [undefined, null, {}, "none", { none: {} }, { none: null }]) {
    await using access = await composeAccess(config);
    assert.equal(await outcome(access.controller, undefined, scope("a", "delete")), "200 -");
    assert.equal(await outcome(access.controller, "nonsense"), "200 -");
  }
});

test("distribution's silly asks for a header and takes any", async () => {
  await using access = await composeAccess({ silly: { realm: "r", service: "s" } });
  const challenge = '401 UNAUTHORIZED Bearer realm="r",service="s",scope="repository:a:pull"';
  assert.equal(await outcome(access.controller, undefined, scope("a", "pull")), challenge);
  assert.equal(await outcome(access.controller, "seriously, anything", scope("a", "pull")), "200 silly");
});

test("groups come from the configuration and from a file", async () => {
  using dir = scratch("groups");
  const [path, groupsfile] = [join(dir.path, "htpasswd"), join(dir.path, "groups")];
  writeFileSync(path, `jo:${hash}\nal:${hash}\n`);
  writeFileSync(groupsfile, "# who\nops: al  bo\nops: cy\n");
  const rules = [
    { groups: "ops", repositories: "ops/*", actions: "push" },
    { groups: "dev", repositories: "dev/*", actions: "push" },
  ];
  const config = { htpasswd: { realm: "r", path }, groups: { dev: ["jo", "al"] }, groupsfile, rules };
  await using access = await composeAccess(config);
  const tried = (user: string, name: string) =>
    outcome(access.controller, basic(user, "secret"), scope(name, "push"));
  assert.equal(await tried("al", "ops/x"), "200 al");
  assert.equal(await tried("al", "dev/x"), "200 al");
  assert.equal(await tried("jo", "dev/x"), "200 jo");
  assert.equal(await tried("jo", "ops/x"), "403 DENIED");
  writeFileSync(groupsfile, "ops: jo\n");
  assert.equal(await tried("jo", "ops/x"), "200 jo");
  assert.equal(await tried("al", "ops/x"), "403 DENIED");
});

const token = { realm: "r", service: "s", issuer: "i" };
const htpasswd = { realm: "r", path: "HTPASSWD" };
const all = { users: "*", repositories: "**", actions: "*" };
const oidc = { issuer: "https://ci.example", audience: "reg", identities: [{ claims: { sub: "x" } }] };

const mistakes: [auth: unknown, message: string][] = [
  [5, "auth: expected a section, found 5"],
  [
    "ldap",
    'auth: unknown key "ldap" (known: none, silly, custom, htpasswd, token, issuer, oidc, rules, groups, groupsfile)',
  ],
  [{ none: {}, htpasswd }, "auth: none does not go together with htpasswd"],
  [{ htpasswd: "x" }, 'auth.htpasswd: expected a section, found "x"'],
  [{ htpasswd: {} }, "auth.htpasswd.realm: is missing"],
  [{ htpasswd: { realm: 5 } }, "auth.htpasswd.realm: expected a text, found 5"],
  [{ htpasswd: { realm: "r" } }, "auth.htpasswd.path: is missing"],
  [{ htpasswd: { ...htpasswd, pth: "x" } }, 'auth.htpasswd: unknown key "pth" (known: realm, path)'],
  [
    { htpasswd: { realm: "r", path: "/nonexistent-varve-test" } },
    "cannot read /nonexistent-varve-test: ENOENT",
  ],
  [{ token }, "auth.token.rootcertbundle: is missing"],
  [{ token: { realm: "r" } }, "auth.token.service: is missing"],
  [{ token: { ...token, rootcertbundle: "HTPASSWD" } }, "HTPASSWD: it holds no certificate"],
  [{ token: { ...token, jwks: "HTPASSWD" } }, "HTPASSWD: no JSON Web Key Set: it is not JSON"],
  [
    { token: { ...token, jwks: "https://x.example/", signingalgorithms: ["ROT13"] } },
    'auth.token.signingalgorithms: unknown algorithm "ROT13"',
  ],
  [
    { token: { ...token, jwks: "https://x.example/", autoredirect: "yes" } },
    'auth.token.autoredirect: expected true or false, found "yes"',
  ],
  [{ token, htpasswd }, "auth: token does not go together with htpasswd"],
  [{ token, issuer: {} }, "auth: token does not go together with issuer"],
  [{ rules: [all] }, "auth: nobody can log in"],
  [{ groups: {} }, "auth: nobody can log in"],
  [{ htpasswd, groups: { a: 5 } }, "auth.groups.a: expected a list of texts, found 5"],
  [{ htpasswd, rules: [{ ...all, everyone: true }] }, "auth.rules: a rule for everyone needs issuer"],
  [{ htpasswd, rules: {} }, "auth.rules: expected a list, found {}"],
  [
    { htpasswd, issuer: { expires: "soon" } },
    'auth.issuer.expires: expected a time such as 300, 90s, 5m, 12h or 30d, found "soon"',
  ],
  [
    { htpasswd, issuer: { algorithm: "HS256" } },
    'auth.issuer.algorithm: expected one of ES256, RS256, EdDSA, found "HS256"',
  ],
  [
    { htpasswd, issuer: { key: "/nonexistent-varve-test/k" } },
    "cannot make the key file /nonexistent-varve-test/k: ENOENT",
  ],
  [{ oidc }, "auth: oidc needs rules"],
  [
    { oidc: { ...oidc, issuer: "http://ci.example" }, rules: [all] },
    'auth.oidc[0].issuer: expected an https URL, found "http://ci.example"',
  ],
  [{ oidc: [oidc, { ...oidc, identities: [] }], rules: [all] }, "auth.oidc[1].identities: is missing"],
  [{ oidc: { ...oidc, identities: [{}] }, rules: [all] }, "auth.oidc[0].identities[0].claims: is missing"],
  [
    { oidc: { ...oidc, identities: [{ claims: { sub: "x" }, user: "${a:b}" }] }, rules: [all] },
    "auth.oidc[0].identities[0].user: has no colon, so that it could be the name of another user",
  ],
  [{ oidc: [oidc, oidc], rules: [all] }, "auth: two issuers of tokens are called https://ci.example"],
  [
    { oidc, issuer: { issuer: "https://ci.example" }, rules: [all] },
    "auth: two issuers of tokens are called https://ci.example",
  ],
  [{ custom: {} }, "auth.custom.module: is missing"],
  [{ custom: { module: "x" }, htpasswd }, "auth: custom does not go together with htpasswd"],
];

test("mistakes are named", async (t) => {
  using dir = scratch("compose");
  const path = join(dir.path, "htpasswd");
  writeFileSync(path, `jo:${hash}\n`);
  for (const [auth, message] of mistakes) {
    await t.test(message, async () => {
      const config = JSON.parse(JSON.stringify(auth).replaceAll("HTPASSWD", path)) as unknown;
      await assert.rejects(
        composeAccess(config),
        (error) => isFailure(error) && error.message === message.replaceAll("HTPASSWD", path),
      );
    });
  }
});
