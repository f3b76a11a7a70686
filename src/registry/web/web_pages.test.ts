import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { test } from "node:test";
import { scratch } from "../../../test/suites/scratch.ts";
import { serveWeb } from "../../../test/support/web_fixture.ts";
import { serveHttp } from "../access/testing.test.ts";

const evil = `"><script>alert(1)</script><img src=x onerror='alert(2)'>\u202egnp.\0&amp;`;

/** Nothing but our own script, style and icon, and no attribute that a text could have made. */
function assertHarmless(page: string): void {
  assert.equal(page.match(/<script/g)?.length, 1);
  assert.equal(page.match(/<style/g)?.length, 1);
  assert.doesNotMatch(page, /<img|<iframe|javascript:[^"]*"|\u202e|\0/);
  for (const [tag] of page.replace(/<(style|script)>[^]*?<\/\1>/g, "").matchAll(/<[a-z][^>]*>/g))
    assert.doesNotMatch(tag.slice(1).replace(/"[^"]*"/g, '""'), /\son\w+=|\sstyle=|['<]/, tag);
}

test("what images say is text: config, history, labels, annotations, types, queries, addresses", async () => {
  await using web = await serveWeb();
  const texts = { User: evil, WorkingDir: evil, Cmd: [evil], Env: [evil], Labels: { [evil]: evil } };
  const sets = { ExposedPorts: { [evil]: {} }, Volumes: { [evil]: {} } };
  const image = await web.push.image("a/b", "v1", {
    architecture: `amd64${evil}`,
    config: { ...texts, ...sets },
    steps: [evil],
    annotations: { [evil]: evil },
  });
  await web.push.referrer("a/b", image, `application/x${evil}`);
  const visit = web.visit();
  const query = encodeURIComponent(evil);
  const pages = ["/ui/a/b:v1", "/ui/a/b", "/ui/a/b:v1?view=history", `/?q=${query}`, `/ui/a/b?q=${query}`];
  for (const path of [...pages, `/ui/${query}`, `/ui/a/b:v1?platform=${query}`, `/?last=${query}`]) {
    const { text, status } = await visit.get(path);
    assert.ok(status === 200 || status === 404, `${path}: ${status}`);
    assertHarmless(text);
  }
  const { text, headers } = await visit.get("/ui/a/b:v1");
  assert.ok(
    text.includes("&lt;script&gt;alert(1)&lt;/script&gt;") && text.includes("\\u{202e}gnp.\\u{0}&amp;amp;"),
  );
  const policy = headers.get("content-security-policy") ?? "";
  assert.match(
    policy,
    /^default-src 'none'; style-src 'sha256-[^']+'; script-src 'sha256-[^']+'; img-src data:;/,
  );
  assert.doesNotMatch(policy, /unsafe|https?:|\*/);
  assert.equal(headers.get("x-content-type-options"), "nosniff");
  assert.equal(headers.get("cache-control"), "no-store");
});

test("a page tells platforms, sizes, commands, config, layers and who shares them, referrers", async () => {
  await using web = await serveWeb();
  const base = "base".repeat(500);
  await web.push.image("library/base", "1", { layers: [base] });
  const amd64 = await web.push.image("team/app", undefined, {
    layers: [base, "x"],
    config: { Entrypoint: ["/app", "a b"] },
  });
  const arm64 = await web.push.image("team/app", undefined, {
    layers: [base, "yy"],
    architecture: "arm64",
    steps: ["COPY base", "RUN arm"],
  });
  const index = await web.push.index("team/app", "latest", [
    { ...amd64, architecture: "amd64" },
    { ...arm64, architecture: "arm64" },
  ]);
  await web.push.referrer("team/app", index, "application/spdx+json");
  const visit = web.visit();
  const list = (await visit.get("/")).text;
  assert.match(list, /href="\/ui\/library\/base">library\/base/);
  assert.match(list, /1 tag · 2 blobs/);
  const repository = (await visit.get("/ui/team/app")).text;
  assert.match(repository, /<li>linux\/amd64<\/li>\s*<li>linux\/arm64<\/li>/);
  assert.ok(repository.includes(`docker pull ${web.host}/team/app:latest<`), repository);
  const first = (await visit.get("/ui/team/app:latest")).text;
  assert.match(first, /\[&quot;\/app&quot;,&quot;a b&quot;\]/);
  assert.match(first, /also in library\/base/);
  assert.match(first, /in this repository only/);
  assert.match(first, /SBOM[^]*application\/spdx\+json/);
  const second = (await visit.get("/ui/team/app:latest?platform=linux%2Farm64")).text;
  assert.match(second, /RUN arm[^]*2 B/);
  const layer = /href="([^"]*view=layer[^"]*)"/.exec(first)?.[1]?.replaceAll("&amp;", "&") ?? "";
  const shared = (await visit.get(layer)).text;
  assert.match(shared, /2 kB, stored once[^]*2 repositories/);
  assert.match(shared, /href="\/ui\/team\/app:latest">latest[^]*href="\/ui\/library\/base:1">1/);
});

test("a form of another page, or without the token of ours, does nothing", async () => {
  await using web = await serveWeb();
  const { digest } = await web.push.image("a", "v1");
  const visit = web.visit();
  const { headers } = await visit.get("/ui/a:v1?view=delete");
  assert.match(headers.get("set-cookie") ?? "", /^varve_form=[\w-]{32}; Path=\/; HttpOnly; SameSite=Strict$/);
  const attempt = (options: object) => visit.post("/ui/a:v1?view=delete", { digest, what: "tag" }, options);
  const cases: readonly [object, number][] = [
    [{ token: "" }, 403],
    [{ token: "a".repeat(32) }, 403],
    [{ headers: { Origin: "http://evil.example" } }, 403],
    [{ headers: { Origin: "null" } }, 403],
    [{ headers: { Origin: "" } }, 403],
    [{ headers: { "Sec-Fetch-Site": "cross-site" } }, 403],
    [{ headers: { "Sec-Fetch-Site": "same-site" } }, 403],
    [{ headers: { "Content-Type": "text/plain" } }, 415],
  ];
  for (const [options, status] of cases)
    assert.equal((await attempt(options)).status, status, JSON.stringify(options));
  visit.cookies.clear();
  assert.equal((await attempt({})).status, 403, "no cookie");
  assert.equal((await visit.get("/ui/a:v1")).status, 200);
  await visit.get("/ui/a:v1?view=delete");
  assert.equal((await attempt({ headers: { "Sec-Fetch-Site": "same-origin" } })).status, 303);
  assert.equal((await visit.get("/ui/a:v1")).status, 404);
});

test("delete and restore go the way of the API: events, history, read-only mode, a tag that moved", async () => {
  using directory = scratch("web");
  const storage = { filesystem: { rootdirectory: directory.path }, delete: { enabled: true } };
  let old = "";
  {
    await using web = await serveWeb({ storage });
    old = (await web.push.image("a", "v1", { layers: ["old"] })).digest;
    const { digest } = await web.push.image("a", "v1", { layers: ["new"] });
    await web.push.image("a", "v2", { layers: ["new"] });
    const visit = web.visit();
    await visit.get("/ui/a:v1?view=delete");
    const moved = await visit.post("/ui/a:v1?view=delete", { digest: old, what: "tag" });
    assert.deepEqual([moved.status, /leads elsewhere by now/.test(moved.text)], [409, true]);
    const done = await visit.post("/ui/a:v1?view=delete", { digest, what: "tag" });
    assert.equal(done.location, "/ui/a?done=untagged&tag=v1");
    assert.match(
      (await visit.get(done.location ?? "")).text,
      /v1 was deleted[^]*href="\/ui\/a:v1\?view=history">Take it back/,
    );
    assert.match((await visit.get("/ui/a:v1?view=history")).text, /This tag is deleted/);
    const restored = await visit.post("/ui/a:v1?view=history", { digest: old });
    assert.equal(restored.location, "/ui/a:v1?done=restored");
    assert.ok((await visit.get(restored.location ?? "")).text.includes(old));
    // Recorded behind the answer, and once.
    const history = await until(async () => {
      const { text } = await visit.get("/ui/a:v1?view=history");
      return /restored /.test(text) ? text : undefined;
    });
    assert.deepEqual(actionsIn(history), ["restored", "deleted", "pushed", "pushed"]);
    // Now the manifest, with the tag on it.
    assert.equal((await visit.post("/ui/a:v1?view=delete", { digest: old, what: "manifest" })).status, 303);
    assert.equal((await visit.get(`/ui/a@${old}`)).status, 404);
    assert.match((await visit.get("/ui/_trash")).text, /href="\/ui\/a\?view=trash"/);
    assert.match((await visit.get("/ui/a?view=trash")).text, /tag v1[^]*deleted\s+by a request/);
    const back = await visit.post("/ui/a?view=trash", { tag: "v1" });
    assert.equal(back.location, "/ui/a:v1?done=undeleted");
    assert.ok((await visit.get("/ui/a:v1")).text.includes(old));
    const twice = await visit.post("/ui/a?view=trash", { tag: "v1" });
    assert.equal(twice.status, 409, "there is such a tag");
  }
  const maintenance = { readonly: { enabled: true } };
  await using web = await serveWeb({ storage: { ...storage, maintenance } });
  const visit = web.visit();
  await visit.get("/ui/a:v1?view=delete");
  const refused = await visit.post("/ui/a:v1?view=delete", { digest: old, what: "tag" });
  assert.match(refused.text, /read-only mode/);
  const { digest } = await web
    .visit()
    .get("/ui/a:v2")
    .then(({ text }) => ({ digest: /sha256:[0-9a-f]{64}/.exec(text)?.[0] ?? "" }));
  assert.match((await visit.post("/ui/a:v1?view=history", { digest })).text, /never led to|read-only mode/);
  assert.ok((await visit.get("/ui/a:v1")).text.includes(old));
});

async function until<Value>(look: () => Promise<Value | undefined>): Promise<Value> {
  for (let left = 5000; left > 0; left--) {
    const value = await look();
    if (value !== undefined) return value;
  }
  throw new Error("it has not come to this");
}

const actionsIn = (page: string) =>
  [...page.matchAll(/class="main"\s*>\s*(\w+) <code/g)].map(([, action]) => action);

test("where nothing may be deleted there is no button, and no form for it", async () => {
  await using web = await serveWeb({ storage: { inmemory: {} } });
  const { digest } = await web.push.image("a", "v1");
  const visit = web.visit();
  assert.doesNotMatch((await visit.get("/ui/a:v1")).text, /Delete/);
  assert.equal((await visit.get("/ui/a:v1?view=delete")).status, 405);
  await visit.get("/ui/a:v1?view=history");
  await web.push.image("a", "v1", { layers: ["x"] });
  await visit.get("/ui/a:v1?view=history");
  const { status } = await visit.post("/ui/a:v1?view=delete", { digest, what: "manifest" });
  assert.equal(status, 405);
});

test("what is not there is 404, other methods are refused, and probes of / find nothing but 200", async () => {
  await using web = await serveWeb();
  await web.push.image("a", "v1");
  const visit = web.visit();
  const missing = [
    "/ui/b",
    "/ui/a:v2",
    "/ui/A",
    "/ui/a:..",
    "/ui/%2e%2e/a",
    "/ui/_layers",
    "/ui/a:v2?view=history",
    "/ui/%ff",
  ];
  const digest = `sha256:${"0".repeat(64)}`;
  for (const path of [...missing, `/ui/a@${digest}`, `/ui/a?view=layer&digest=${digest}`, "/ui/a?view=layer"])
    assert.equal((await visit.get(path)).status, 404, path);
  const put = await fetch(`${web.origin}/ui/a`, { method: "PUT", body: "x" });
  assert.deepEqual([put.status, put.headers.get("allow")], [405, "GET, HEAD, POST"]);
  const probe = await fetch(`${web.origin}/`, { headers: { Accept: "*/*" } });
  assert.deepEqual([probe.status, await probe.text()], [200, ""]);
  const head = await fetch(`${web.origin}/ui/a`, { method: "HEAD" });
  assert.deepEqual([head.status, head.headers.get("content-type")], [200, "text/html; charset=utf-8"]);
  assert.equal((await fetch(`${web.origin}/v2/a/tags/list`)).status, 200);
});

test("pages are behind the proxy's prefix, elsewhere by configuration, or not there", async () => {
  {
    await using web = await serveWeb({ http: { prefix: "/my/reg/" } });
    const { status, text } = await web.visit().get("/my/reg/");
    assert.equal(status, 200);
    assert.match(text, /href="\/my\/reg\/ui\/_trash"/);
  }
  {
    await using web = await serveWeb({ web: { path: "/browse/" } });
    const { text } = await web.visit().get("/browse/");
    assert.match(text, /href="\/browse\/_trash"/);
    assert.equal((await web.visit().get("/")).status, 404);
  }
  await using web = await serveWeb({ web: { enabled: false } });
  assert.equal((await web.visit().get("/")).status, 404);
  await assert.rejects(serveWeb({ web: { path: "/v2/" } }), /web\.path/);
});

test("repositories and tags come in pages, and are searched by name", async () => {
  await using web = await serveWeb();
  const names = Array.from({ length: 53 }, (_, i) => `r${String(i).padStart(3, "0")}`);
  for (const name of names) await web.push.image(name, "v1", { layers: [] });
  for (let i = 0; i < 52; i++) await web.push.image("r000", `t${i}`, { layers: [] });
  const visit = web.visit();
  const first = (await visit.get("/")).text;
  assert.match(first, /r049/);
  assert.doesNotMatch(first, /r050|First page/);
  const next = /rel="next"\s+href="([^"]+)"/.exec(first)?.[1] ?? "";
  assert.equal(next, "/?last=r049");
  const second = (await visit.get(next)).text;
  assert.match(second, /r050[^]*r052[^]*First page/);
  assert.doesNotMatch(second, /rel="next"/);
  const found = (await visit.get("/?q=R05")).text;
  assert.deepEqual(
    [...found.matchAll(/>(r\d+)<\/a/g)].map(([, name]) => name),
    ["r050", "r051", "r052"],
  );
  assert.match(
    (await visit.get("/?q=nothing")).text,
    /No repository's name has|No repository&#39;s name has/,
  );
  assert.match((await visit.get("/ui/r000")).text, /53 tags, newest first[^]*t51[^]*Page 1 of 2/);
  assert.match((await visit.get("/ui/r000?page=2")).text, /Page 2 of 2/);
  assert.match((await visit.get("/ui/r000?page=999&q=t5")).text, /3 tags/);
});

test("what is done by a form is in the audit log, and told to who wants to know of events", async () => {
  using directory = scratch("web");
  const path = join(directory.path, "audit");
  const told: string[] = [];
  await using receiver = await serveHttp((request, response) => {
    void json(request).then((body) => {
      for (const { action, target } of (body as { events: { action: string; target: { tag?: string } }[] })
        .events)
        if (target.tag !== undefined && action !== "pull") told.push(`${action} ${target.tag}`);
      response.end();
    });
  });
  const notifications = { endpoints: [{ name: "test", url: receiver.url }] };
  await using web = await serveWeb({ audit: { path }, notifications });
  const { digest } = await web.push.image("a/b", "v1");
  const visit = web.visit();
  await visit.get("/ui/a/b:v1?view=delete");
  await visit.post("/ui/a/b:v1?view=delete", { digest, what: "tag" });
  await visit.post("/ui/a/b:v1?view=history", { digest });
  await until(async () => {
    await visit.get("/");
    return told.length === 3 ? told : undefined;
  });
  assert.deepEqual(told, ["push v1", "delete v1", "push v1"]);
  const done = await until(async () => {
    await visit.get("/");
    const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
    const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    // The first one asked for the page that says what will go.
    return entries.filter(({ action }) => action === "delete")[1];
  });
  assert.deepEqual([done["repository"], done["reference"], done["outcome"]], ["a/b", "v1", "allowed"]);
});

test("behind TLS of a proxy: its name in commands, and cookies that go nowhere else", async () => {
  await using web = await serveWeb({ http: { host: "https://registry.example" } });
  const { digest } = await web.push.image("a", "v1");
  const visit = web.visit({ Origin: "https://registry.example" });
  const { text } = await visit.get("/ui/a:v1");
  assert.match(text, /podman pull registry\.example\/a:v1</);
  const { headers } = await visit.get("/ui/a:v1?view=delete");
  assert.match(headers.get("set-cookie") ?? "", /; Secure$/);
  const sent = { headers: { Origin: "https://registry.example" } };
  assert.equal((await visit.post("/ui/a:v1?view=delete", { digest, what: "tag" }, sent)).status, 303);
});
