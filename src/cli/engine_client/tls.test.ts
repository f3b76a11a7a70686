import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { scratch } from "../../../test/suites/scratch.ts";
import { createApiServer, type Call, type Route } from "../../api/http/index.ts";
import { EngineClient, parseEngineAddress } from "./index.ts";

const skip = spawnSync("openssl", ["version"]).error === undefined ? false : "openssl is not installed";

const routes: Route[] = [
  { method: "GET", path: "/_ping", handle: (call) => call.text(200, "OK") },
  { method: "POST", path: "/containers/:id/attach", handle: attach },
];

/** Answers when the client has sent all that it has to send. */
function attach(call: Call): void {
  const { connection } = call.hijack("application/vnd.docker.raw-stream");
  let sent = "";
  connection.on("data", (chunk: Buffer) => (sent += chunk.toString()));
  // Not at once: a container takes its time, too.
  connection.once("end", () => setImmediate(() => connection.end(`got ${sent}`)));
}

/** A certificate for 127.0.0.1 that is its own authority, by the names that Docker's clients look for. */
function certify(directory: string): void {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const about = ["-days", "2", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"];
  const files = ["-keyout", join(directory, "key.pem"), "-out", join(directory, "cert.pem")];
  execFileSync("openssl", ["req", "-x509", ...key, ...about, ...files], { stdio: "ignore" });
  execFileSync("cp", [join(directory, "cert.pem"), join(directory, "ca.pem")]);
}

test("B176 over TLS, too, a client that has ended its input gets the answer", { skip }, async () => {
  using directory = scratch("engine-tls");
  certify(directory.path);
  const read = (name: string): Buffer => readFileSync(join(directory.path, name));
  const tls = { cert: read("cert.pem"), key: read("key.pem"), ca: read("ca.pem"), requestCert: true };
  const server = createApiServer({
    routes,
    version: "0",
    onError: (error) => assert.fail(String(error)),
    tls,
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const url = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const env = { DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: directory.path };
    const client = await EngineClient.connect(parseEngineAddress(url, env));
    const connection = await client.hijack("/containers/x/attach");
    connection.end("all");
    assert.equal(await text(connection), "got all");
    await assert.rejects(EngineClient.connect(parseEngineAddress(url, {})), { kind: "unavailable" });
    const missing = { DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: join(directory.path, "none") };
    await assert.rejects(EngineClient.connect(parseEngineAddress(url, missing)), {
      kind: "invalid",
      message: /^could not read cert\.pem in /,
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
