import assert from "node:assert/strict";
import { copyFileSync, writeFileSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { request } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import type { SecureVersion, TLSSocket } from "node:tls";
import { scratch } from "../../../test/suites/scratch.ts";
import { isFailure } from "../../errors.ts";
import { certify, opensslSkip, type Certified } from "../access/tokens/certificates_fixture.test.ts";
import { createTlsServer, type TlsServerOptions } from "./create_tls_server.ts";

interface Client {
  readonly key?: string;
  readonly cert?: string;
  readonly maxVersion?: SecureVersion;
}

/** Writes `<name>.crt` and `<name>.pem`, as the server reads them. */
function install(directory: string, name: string, { pem, key }: Certified) {
  const files = { certificate: join(directory, `${name}.crt`), key: join(directory, `${name}.pem`) };
  writeFileSync(files.certificate, pem);
  writeFileSync(files.key, key.export({ format: "pem", type: "pkcs8" }));
  return files;
}

const asClient = ({ pem, key }: Certified): Client => ({
  cert: pem,
  key: key.export({ format: "pem", type: "pkcs8" }) as string,
});

async function serve(options: TlsServerOptions) {
  const made = await createTlsServer({ reloadSeconds: 0, ...options }, (incoming, response) => {
    response.end(`HTTP/${incoming.httpVersion} ${incoming.method} ${incoming.url}`);
  });
  const { server } = made;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const dispose = () => new Promise<void>((resolve) => server.close(() => resolve()));
  return { ...made, port, [Symbol.asyncDispose]: dispose };
}

/** The answer by HTTP/1.1, and whose certificate the server showed. */
function ask(port: number, client: Client = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = {
      host: "127.0.0.1",
      port,
      path: "/v2/",
      rejectUnauthorized: false,
      agent: false as const,
      ...client,
    };
    request(options, (response) => {
      const { subject } = (response.socket as TLSSocket).getPeerCertificate();
      response.on("data", (chunk: Buffer) => resolve(`${String(subject.CN)}: ${chunk.toString()}`));
      response.on("error", reject);
    })
      .on("error", reject)
      .end();
  });
}

test("HTTP/1.1 and HTTP/2 on one port", { skip: opensslSkip }, async () => {
  using dir = scratch("tls");
  const files = install(dir.path, "server", certify(dir.path, "one"));
  await using running = await serve(files);
  assert.equal(await ask(running.port), "one: HTTP/1.1 GET /v2/");
  const session = connectHttp2(`https://127.0.0.1:${running.port}`, { rejectUnauthorized: false });
  const stream = session.request({ ":path": "/v2/" });
  assert.equal(await new Response(stream).text(), "HTTP/2.0 GET /v2/");
  await new Promise<void>((resolve) => session.close(resolve));
  await using plain = await serve({ ...files, http2: false });
  assert.equal(await ask(plain.port), "one: HTTP/1.1 GET /v2/");
});

test(
  "certificates are replaced while it runs; a half-done replacement changes nothing",
  { skip: opensslSkip },
  async () => {
    using dir = scratch("tls");
    const files = install(dir.path, "server", certify(dir.path, "one"));
    const fresh = install(dir.path, "fresh", certify(dir.path, "two"));
    await using running = await serve(files);
    assert.match(await ask(running.port), /^one:/);
    copyFileSync(fresh.certificate, files.certificate);
    await assert.rejects(running.reload(), (error) => {
      assert.ok(isFailure(error, "invalid"));
      assert.equal(error.message, `${files.key}: no key of the certificate in ${files.certificate}`);
      return true;
    });
    assert.match(await ask(running.port), /^one:/);
    copyFileSync(fresh.key, files.key);
    await running.reload();
    assert.match(await ask(running.port), /^two:/);
  },
);

test("by itself it looks at the files too", { skip: opensslSkip }, async (t) => {
  using dir = scratch("tls");
  const files = install(dir.path, "server", certify(dir.path, "one"));
  t.mock.timers.enable({ apis: ["setInterval"] });
  const { promise, resolve } = Promise.withResolvers<string>();
  await using running = await serve({
    ...files,
    reloadSeconds: 30,
    onProblem: ({ message }) => resolve(message),
  });
  writeFileSync(files.certificate, "nonsense");
  t.mock.timers.tick(30_000);
  assert.equal(await promise, `${files.certificate}: holds no certificate in PEM`);
  assert.match(await ask(running.port), /^one:/);
});

test("mutual TLS: only clients of the given authorities come in", { skip: opensslSkip }, async () => {
  using dir = scratch("tls");
  const [authority, other] = [certify(dir.path, "authority"), certify(dir.path, "other")];
  const [friend, stranger] = [
    certify(dir.path, "friend", { by: authority, isCa: false }),
    certify(dir.path, "stranger", { by: other, isCa: false }),
  ];
  const files = install(dir.path, "server", certify(dir.path, "server"));
  const cas = install(dir.path, "ca", authority);
  for (const http2 of [true, false]) {
    await using running = await serve({ ...files, clientcas: [cas.certificate], http2 });
    assert.equal(await ask(running.port, asClient(friend)), "server: HTTP/1.1 GET /v2/");
    await assert.rejects(ask(running.port));
    await assert.rejects(ask(running.port, asClient(stranger)));
    // Replaced authorities count for the next connection.
    writeFileSync(cas.certificate, other.pem);
    await running.reload();
    assert.equal(await ask(running.port, asClient(stranger)), "server: HTTP/1.1 GET /v2/");
    await assert.rejects(ask(running.port, asClient(friend)));
    writeFileSync(cas.certificate, authority.pem);
  }
});

test("the oldest version is 1.2, or as configured", { skip: opensslSkip }, async () => {
  using dir = scratch("tls");
  const files = install(dir.path, "server", certify(dir.path, "server"));
  await using usual = await serve(files);
  assert.match(await ask(usual.port, { maxVersion: "TLSv1.2" }), /^server:/);
  await assert.rejects(ask(usual.port, { maxVersion: "TLSv1.1" }));
  await using strict = await serve({ ...files, minimumtls: "tls1.3" });
  assert.match(await ask(strict.port), /^server:/);
  await assert.rejects(ask(strict.port, { maxVersion: "TLSv1.2" }));
});

test("files that cannot be used are named", { skip: opensslSkip }, async () => {
  using dir = scratch("tls");
  const files = install(dir.path, "server", certify(dir.path, "server"));
  const missing = join(dir.path, "missing");
  const mistakes: [options: TlsServerOptions, message: string][] = [
    [{ ...files, certificate: missing }, `cannot read ${missing}: ENOENT`],
    [{ ...files, key: missing }, `cannot read ${missing}: ENOENT`],
    [{ ...files, certificate: files.key }, `${files.key}: holds no certificate in PEM`],
    [
      { ...files, key: files.certificate },
      `${files.certificate}: no key of the certificate in ${files.certificate}`,
    ],
    [{ ...files, clientcas: [files.key] }, `${files.key}: holds no certificate in PEM`],
  ];
  for (const [options, message] of mistakes)
    await assert.rejects(serve(options), (error) => isFailure(error) && error.message === message, message);
});
