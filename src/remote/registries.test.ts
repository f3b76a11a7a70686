import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { serveRegistry } from "../registry/index.ts";
import type { RemoteOptions } from "./index.ts";
import {
  bytesOf,
  failure,
  log,
  seed,
  seedBlob,
  serveProxy,
  signal,
  testImage,
  testRemote,
} from "./testing.test.ts";

const image = testImage(["one", "two"]);
const directory = await mkdtemp(join(tmpdir(), "varve-registries-"));
after(() => rm(directory, { recursive: true }));

test("B111 a mirror is asked first; what it has not comes from the registry", async () => {
  await using mirror = await serveRegistry({ storage: "memory" });
  await using registry = await serveRegistry({ storage: "memory" });
  await seed(registry, "a", image);
  await seed(mirror, "b", image);
  const hosts = { [registry.address]: { mirrors: [`http://${mirror.address}`] } };
  using remote = testRemote({ hosts });
  await remote.resolve(`${registry.address}/b:1`, { signal });
  assert.deepEqual(log(registry), []);
  assert.equal((await remote.resolve(`${registry.address}/a:1`, { signal })).imageId, image.imageId);
  await assert.rejects(
    remote.head(`${registry.address}/c`, { signal }),
    failure("not-found", /manifest for .*\/c:latest not found/),
  );
  assert.ok(log(mirror).includes("HEAD /v2/a/manifests/1"));
});

test("B111 a mirror that is down gives way at once; a blob that it lacks comes from the registry", async () => {
  await using registry = await serveRegistry({ storage: "memory" });
  await seed(registry, "a", image);
  const down = await serveRegistry({ storage: "memory" });
  await down.close();
  await using lossy = await serveRegistry({
    storage: "memory",
    faults: ({ path }) => (path.includes("/blobs/") ? { kind: "answer", status: 404 } : undefined),
  });
  for (const bytes of [...image.blobs, image.config]) await seedBlob(registry, "a", bytes);
  await using full = await serveRegistry({ storage: "memory" });
  await seed(full, "a", image);
  const mirrors = [`http://${down.address}`, `http://${lossy.address}`];
  using remote = testRemote({ hosts: { [registry.address]: { mirrors } } });
  const view = await remote.resolve(`${registry.address}/a:1`, { signal });
  assert.equal((await bytesOf(await view.layers[1]!.openTar({ signal }))).toString(), "two");
});

test("a mirror never sees the registry's credentials", async () => {
  const auth = { kind: "basic", users: { jo: "secret" } } as const;
  await using mirror = await serveRegistry({ storage: "memory", auth });
  await using registry = await serveRegistry({ storage: "memory", auth });
  const hosts = { [registry.address]: { mirrors: [`http://${mirror.address}`] } };
  const credentials = {
    [registry.address]: { kind: "password", username: "jo", password: "secret" },
  } as const;
  using remote = testRemote({ hosts, credentials });
  await remote.push(image, `${registry.address}/a:1`, { signal });
  assert.equal((await remote.resolve(`${registry.address}/a:1`, { signal })).imageId, image.imageId);
  assert.deepEqual(
    mirror.requests.map(({ authorization }) => authorization),
    [undefined],
  );
});

test("hosts that cannot be reached are told in Docker's words, with a hint", async () => {
  const closed = await serveRegistry({ storage: "memory" });
  await closed.close();
  using remote = testRemote();
  await assert.rejects(remote.head(`${closed.address}/a`, { signal }), (error) => {
    failure(
      "unavailable",
      `Get "http://${closed.address}/v2/": dial tcp ${closed.address}: connect: connection refused`,
    )(error);
    assert.equal((error as { hint?: string }).hint, "Is the registry running at this address?");
    return true;
  });
});

test("plain HTTP is only spoken to loopback and to hosts named insecure", async () => {
  await using registry = await serveRegistry({ storage: "memory" });
  using remote = testRemote({ hosts: { [registry.address]: { insecure: false } } });
  // Loopback needs no permission.
  await assert.rejects(
    remote.head(`${registry.address}/a`, { signal }),
    failure("not-found", /manifest unknown/),
  );
  const requests = registry.requests.length;
  using strict = testRemote({ environment: { HTTPS_PROXY: `http://${registry.address}` } });
  await assert.rejects(
    strict.head("registry.example/a", { signal }),
    failure("unavailable", /^Get "https:\/\/registry\.example\/v2\/": /),
  );
  assert.equal(registry.requests.length, requests);
});

test(
  "TLS: authorities and client certificates, through the tunnel of a proxy",
  { skip: withoutOpenssl() },
  async (t) => {
    const pki = makeCertificates();
    const { ca, key, cert } = pki;
    await using registry = await serveRegistry({ storage: "memory", tls: { ca, key, cert } });
    await using proxy = await serveProxy(registry.address);
    const environment = { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` };
    const attempt = async (domain: string, options: RemoteOptions) => {
      using remote = testRemote({ environment, ...options });
      await remote.push(image, `${domain}/a:1`, { signal });
    };
    const client = { cert: pki.clientCert, key: pki.clientKey };
    const [domain, other] = ["registry.example", "other.example"];

    await t.test("an unknown authority is refused", async () => {
      const message = `Get "https://${domain}/v2/": x509: certificate signed by unknown authority`;
      await assert.rejects(attempt(domain, { hosts: { [domain]: client } }), failure("unavailable", message));
      assert.deepEqual(log(registry), []);
    });
    await t.test("so is a certificate for another name", async () => {
      const hosts = { [other]: { ...client, ca } };
      await assert.rejects(
        attempt(other, { hosts }),
        failure("unavailable", /other\.example\/v2\/": x509: .*other\.example/),
      );
      assert.deepEqual(log(registry), []);
    });
    await t.test("a missing client certificate is refused by the registry", async () => {
      await assert.rejects(
        attempt(domain, { hosts: { [domain]: { ca } } }),
        failure("unavailable", /registry\.example/),
      );
      assert.deepEqual(log(registry), []);
    });
    await t.test("given in the options, it works", async () => {
      await attempt(domain, { hosts: { [domain]: { ...client, ca } } });
    });
    await t.test("told to be insecure, any certificate will do", async () => {
      await attempt(other, { hosts: { [other]: { ...client, insecure: true } } });
    });
    await t.test("given in certs.d, it works", async () => {
      const certsDirectory = join(directory, "certs.d");
      await mkdir(join(certsDirectory, domain), { recursive: true });
      const files = { "ca.crt": ca, "client.cert": client.cert, "client.key": client.key };
      for (const [name, text] of Object.entries(files))
        await writeFile(join(certsDirectory, domain, name), text);
      await attempt(domain, { certsDirectory });
    });
    assert.ok(proxy.asked.every((line) => line.startsWith("CONNECT ")));
  },
);

function withoutOpenssl(): string | false {
  const { status } = spawnSync("openssl", ["version"], { stdio: "ignore" });
  return status === 0 ? false : "openssl is not installed";
}

/** An authority, a server certificate for registry.example and a client certificate: PEM texts. */
function makeCertificates() {
  const run = (name: string, ...more: string[]) => {
    const files = ["-keyout", join(directory, `${name}.key`), "-out", join(directory, `${name}.crt`)];
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    const args = ["req", "-x509", ...key, ...files, "-days", "2", "-subj", `/CN=${name}`, ...more];
    execFileSync("openssl", args, { stdio: ["ignore", "ignore", "pipe"] });
    const read = (extension: string) => readFileSync(join(directory, `${name}.${extension}`), "utf8");
    return { key: read("key"), cert: read("crt") };
  };
  const { cert: ca } = run("ca");
  const signed = ["-CA", join(directory, "ca.crt"), "-CAkey", join(directory, "ca.key")];
  const notAuthority = ["-addext", "basicConstraints=critical,CA:false"];
  const server = run("server", ...signed, ...notAuthority, "-addext", "subjectAltName=DNS:registry.example");
  const client = run("client", ...signed, ...notAuthority);
  return { ca, ...server, clientCert: client.cert, clientKey: client.key };
}
