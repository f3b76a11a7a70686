/** Who sees what on the pages, and who may do what. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch } from "../../../test/suites/scratch.ts";
import { serveWeb } from "../../../test/support/web_fixture.ts";
import { basic } from "../access/testing.test.ts";

/** Of "secret". */
const hash = "$2y$05$z6svPfy.SWgXRnnClm49O.sT8kSpPOmsktWyCNpIV2N2VO9V0HcX6";
test("with passwords the browser asks for them, and pages are for users", async () => {
  using directory = scratch("web");
  const path = join(directory.path, "htpasswd");
  writeFileSync(path, `jo:${hash}\n`);
  await using web = await serveWeb({ auth: { htpasswd: { realm: "ours", path } } });
  web.push.as(basic("jo", "secret"));
  await web.push.image("a", "v1");
  for (const page of [
    "/",
    "/ui/a",
    "/ui/a:v1",
    "/ui/a:v1?view=history",
    "/ui/nothing",
    "/ui/_login",
    "/ui/_trash",
  ]) {
    const { status, headers, text } = await web.visit().get(page);
    assert.deepEqual([status, headers.get("www-authenticate")], [401, 'Basic realm="ours"'], page);
    assert.doesNotMatch(text, /a:v1/);
  }
  assert.equal((await web.visit({ Authorization: basic("jo", "wrong") }).get("/")).status, 401);
  const jo = web.visit({ Authorization: basic("jo", "secret") });
  assert.match((await jo.get("/")).text, /<span>jo<\/span>[^]*href="\/ui\/a"/);
  assert.equal((await jo.get("/ui/_login")).location, "/");
});

/** al owns everything, jo may only pull, everybody may pull what is public. */
async function serveUsers(directory: string) {
  const path = join(directory, "htpasswd");
  writeFileSync(path, `jo:${hash}\nal:${hash}\n`);
  const rules = [
    { everyone: true, repositories: "public/**", actions: "pull" },
    { users: "jo", repositories: "team/**", actions: "pull" },
    { users: "al", repositories: "**", actions: ["*", "catalog"] },
  ];
  const web = await serveWeb({ auth: { htpasswd: { realm: "r", path }, issuer: {}, rules } });
  web.push.as(basic("al", "secret"));
  for (const name of ["public/a", "team/b", "secret/c"])
    await web.push.image(name, "v1", { layers: ["shared", name] });
  const login = async (user: string, password = "secret", next = "/ui/team/b") => {
    const visit = web.visit();
    await visit.get("/ui/_login");
    return { visit, answer: await visit.post("/ui/_login", { user, password, next }) };
  };
  return { web, login, [Symbol.asyncDispose]: () => web[Symbol.asyncDispose]() };
}

test("whoever has no name sees what everybody may pull, in lists and beside layers", async () => {
  using directory = scratch("web");
  await using users = await serveUsers(directory.path);
  const visit = users.web.visit();
  const list = (await visit.get("/")).text;
  assert.match(list, /public\/a[^]*/);
  assert.doesNotMatch(list, /team\/b|secret\/c/);
  assert.match(list, /href="\/ui\/_login">Log in/);
  const image = (await visit.get("/ui/public/a:v1")).text;
  assert.doesNotMatch(image, /team\/b|secret\/c|Delete/);
  assert.match(image, /in this repository only/);
  const history = (await visit.get("/ui/public/a:v1?view=history")).text;
  assert.match(history, /UTC<\/time> · al/);
  assert.doesNotMatch(history, /Restore|127\.0\.0\.1/);
  for (const path of ["/ui/team/b", "/ui/secret/c:v1", "/ui/nothing"]) {
    const { status, text, headers } = await visit.get(path);
    assert.deepEqual([status, /name="password"/.test(text)], [401, true]);
    assert.match(headers.get("www-authenticate") ?? "", /^Bearer /);
    assert.ok(text.includes(`name="next" value="${path}"`));
  }
});

test("logging in by a form gives the rights of the user, and no more", async () => {
  using directory = scratch("web");
  await using users = await serveUsers(directory.path);
  const wrong = await users.login("jo", "guess");
  assert.deepEqual([wrong.answer.status, /do not fit/.test(wrong.answer.text)], [401, true]);
  assert.equal(wrong.visit.cookies.has("varve_session"), false);
  const jo = await users.login("jo");
  assert.deepEqual([jo.answer.status, jo.answer.location], [303, "/ui/team/b"]);
  const cookie = jo.answer.headers.getSetCookie().find((each) => each.startsWith("varve_session=")) ?? "";
  assert.match(cookie, /; Path=\/; HttpOnly; SameSite=Strict; Max-Age=3600$/);
  const list = (await jo.visit.get("/")).text;
  assert.match(list, /public\/a|team\/b/);
  assert.doesNotMatch(list, /secret\/c/);
  const image = (await jo.visit.get("/ui/team/b:v1")).text;
  assert.match(image, /<span>jo<\/span>[^]*also in public\/a/);
  assert.doesNotMatch(image, /Delete/);
  const refused = await jo.visit.get("/ui/team/b:v1?view=delete");
  assert.deepEqual([refused.status, /jo may not do this/.test(refused.text)], [403, true]);
  const digest = /sha256:[0-9a-f]{64}/.exec(image)?.[0] ?? "";
  for (const view of ["delete", "history"])
    assert.equal((await jo.visit.post(`/ui/team/b:v1?view=${view}`, { digest, what: "tag" })).status, 403);
  const al = await users.login("al", "secret", "//evil.example/");
  assert.equal(al.answer.location, "/", "nobody is sent elsewhere");
  assert.match((await al.visit.get("/")).text, /public\/a[^]*secret\/c[^]*team\/b/);
  await al.visit.get("/ui/team/b:v1?view=delete");
  assert.equal((await al.visit.post("/ui/team/b:v1?view=delete", { digest, what: "tag" })).status, 303);
  assert.match((await al.visit.get("/ui/team/b:v1?view=history")).text, /deleted[^]*al · 127\.0\.0\.1/);
  await al.visit.post("/ui/_logout", {});
  assert.equal((await al.visit.get("/ui/team/b")).status, 401);
});

test("a session is none at /token, and over when the password is changed", async () => {
  using directory = scratch("web");
  await using users = await serveUsers(directory.path);
  const { visit } = await users.login("jo");
  const token = visit.cookies.get("varve_session") ?? "";
  const form = new URLSearchParams({ service: "varve", grant_type: "refresh_token", refresh_token: token });
  assert.equal((await fetch(`${users.web.origin}/token`, { method: "POST", body: form })).status, 401);
  const headers = { Authorization: `Bearer ${token}` };
  assert.equal((await fetch(`${users.web.origin}/v2/team/b/tags/list`, { headers })).status, 401);
  assert.equal((await visit.get("/ui/team/b")).status, 200);
  writeFileSync(join(directory.path, "htpasswd"), `al:${hash}\n`);
  assert.equal((await visit.get("/ui/team/b")).status, 401);
});

test("attempts to log in count against the limit of requests", async () => {
  using directory = scratch("web");
  const path = join(directory.path, "htpasswd");
  writeFileSync(path, `jo:${hash}\n`);
  const limits = { requests: { persecond: 1, burst: 3 } };
  await using web = await serveWeb({ auth: { htpasswd: { realm: "r", path }, issuer: {} }, limits });
  const visit = web.visit();
  await visit.get("/ui/_login");
  const attempt = () => visit.post("/ui/_login", { user: "jo", password: "guess" });
  const statuses = (await Promise.all(Array.from({ length: 20 }, attempt))).map(({ status }) => status);
  assert.ok(statuses.includes(401), String(statuses));
  assert.ok(statuses.includes(429), String(statuses));
});
