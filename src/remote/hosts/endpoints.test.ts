import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { failure } from "../testing.test.ts";
import { readCertificates } from "./certificates.ts";
import { readDaemonJson } from "./daemon_json.ts";
import { Endpoints } from "./endpoints.ts";

const directory = await mkdtemp(join(tmpdir(), "varve-hosts-"));
after(() => rm(directory, { recursive: true }));

const daemonJson = join(directory, "daemon.json");
await writeFile(
  daemonJson,
  JSON.stringify({
    "registry-mirrors": ["https://hub.example/", "http://127.0.0.1:5001"],
    "insecure-registries": ["old.example:5000", "10.0.0.0/8", "bare.example"],
    debug: true,
  }),
);
const certs = join(directory, "certs.d");
const hosts = {
  "r.example": { mirrors: ["m.example:8443", "https://n.example/prefix/"] },
  "told.example": { insecure: true },
  "10.9.9.9": { insecure: false },
};
const endpoints = new Endpoints(hosts, daemonJson, certs);
const bases = (domain: string, purpose: "pull" | "push" = "pull") =>
  endpoints
    .of(domain, purpose)
    .map(({ base, domain: credentials, mirror }) => `${mirror ? "mirror " : ""}${base} as ${credentials}`);

const cases: readonly [string, string[]][] = [
  [
    "docker.io",
    [
      "mirror https://hub.example as hub.example",
      "mirror http://127.0.0.1:5001 as 127.0.0.1:5001",
      "https://registry-1.docker.io as docker.io",
    ],
  ],
  ["quay.io", ["https://quay.io as quay.io"]],
  [
    "r.example",
    [
      "mirror https://m.example:8443 as m.example:8443",
      "mirror https://n.example/prefix as n.example",
      "https://r.example as r.example",
    ],
  ],
  ["127.0.0.1:5000", ["https://127.0.0.1:5000 as 127.0.0.1:5000", "http://127.0.0.1:5000 as 127.0.0.1:5000"]],
  ["[::1]:5000", ["https://[::1]:5000 as [::1]:5000", "http://[::1]:5000 as [::1]:5000"]],
  ["localhost", ["https://localhost as localhost", "http://localhost as localhost"]],
  ["told.example", ["https://told.example as told.example", "http://told.example as told.example"]],
  [
    "old.example:5000",
    ["https://old.example:5000 as old.example:5000", "http://old.example:5000 as old.example:5000"],
  ],
  ["old.example", ["https://old.example as old.example"]],
  [
    "bare.example:77",
    ["https://bare.example:77 as bare.example:77", "http://bare.example:77 as bare.example:77"],
  ],
  ["10.1.2.3:5000", ["https://10.1.2.3:5000 as 10.1.2.3:5000", "http://10.1.2.3:5000 as 10.1.2.3:5000"]],
  ["10.9.9.9", ["https://10.9.9.9 as 10.9.9.9"]],
  ["11.1.2.3:5000", ["https://11.1.2.3:5000 as 11.1.2.3:5000"]],
];
for (const [domain, expected] of cases) {
  test(`B111 endpoints of ${domain}`, () => assert.deepEqual(bases(domain), expected));
}

test("what the caller says goes before the file", () => {
  const own = new Endpoints({}, daemonJson, certs, { mirrors: ["http://127.0.0.1:7/"] });
  assert.deepEqual(
    own.of("docker.io", "pull").map(({ base }) => base),
    ["http://127.0.0.1:7", "https://registry-1.docker.io"],
  );
  // It says nothing of these.
  assert.equal(own.isInsecure("old.example:5000"), true);
  assert.equal(new Endpoints({}, daemonJson, certs, { insecure: [] }).isInsecure("old.example:5000"), false);
});

test("mirrors are not pushed to", () => {
  assert.deepEqual(bases("docker.io", "push"), ["https://registry-1.docker.io as docker.io"]);
});

test("mirrors that make no sense are refused", () => {
  const of = (mirror: string) =>
    new Endpoints({ "r.example": { mirrors: [mirror] } }, daemonJson, certs).of("r.example", "pull");
  assert.throws(() => of("ftp://x"), failure("invalid", 'invalid mirror: "ftp://x" is not a valid URI'));
  assert.throws(
    () => of("https://x?y"),
    failure("invalid", 'invalid mirror: "https://x?y" is not a valid URI'),
  );
  assert.throws(
    () => of("https://jo:secret@x"),
    failure("invalid", "invalid mirror: x: username and password are not allowed in URI"),
  );
});

test("daemon.json: missing and empty set nothing, nonsense is told", async () => {
  const path = join(directory, "d.json");
  const none = { mirrors: [], insecure: [] };
  assert.deepEqual(readDaemonJson(path), none);
  await writeFile(path, "\n");
  assert.deepEqual(readDaemonJson(path), none);
  await writeFile(path, "{");
  assert.throws(() => readDaemonJson(path), failure("invalid", /d\.json: not JSON: /));
  await writeFile(path, '{"insecure-registries":"x"}');
  assert.throws(
    () => readDaemonJson(path),
    failure("invalid", `${path}: insecure-registries: expected a list of strings`),
  );
});

test(
  "certs.d: authorities, client pairs, and Docker's words for half a pair",
  { skip: process.platform === "win32" && "no colon in Windows names" },
  async () => {
    const own = join(certs, "r.example:5000");
    await mkdir(own, { recursive: true });
    assert.deepEqual(readCertificates(certs, "none.example"), { ca: [] });
    for (const name of ["ca.crt", "second.crt", "client.cert", "client.key", "notes.txt"])
      await writeFile(join(own, name), name);
    assert.deepEqual(readCertificates(certs, "r.example:5000"), {
      ca: ["ca.crt", "second.crt"],
      cert: "client.cert",
      key: "client.key",
    });
    assert.deepEqual(endpoints.tlsOf("r.example:5000"), {
      ca: ["ca.crt", "second.crt"],
      cert: "client.cert",
      key: "client.key",
      insecure: false,
    });
    await rm(join(own, "client.key"));
    assert.throws(
      () => readCertificates(certs, "r.example:5000"),
      failure("invalid", "missing key client.key for certificate client.cert"),
    );
    await rm(join(own, "client.cert"));
    await writeFile(join(own, "x.key"), "");
    assert.throws(
      () => readCertificates(certs, "r.example:5000"),
      failure("invalid", "missing client certificate x.cert for key x.key"),
    );
  },
);
