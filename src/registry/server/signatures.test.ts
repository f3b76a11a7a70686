import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch } from "../../../test/suites/scratch.ts";
import { manifestOf } from "../../../test/suites/registry_requests.ts";
import { digestOf, mediaTypes } from "../../oci/index.ts";
import { readConfig } from "./config/read_config.ts";
import { startServer } from "./start_server.ts";

/** Password `secret` of both, bcrypt of cost 4. */
const users = ["jo", "al"]
  .map((user) => `${user}:$2b$04$B.o8KH.t4loYs23lKcCufenNI.p2estD.E0PAI.PF11JihN2Zw4he\n`)
  .join("");

interface Scoped {
  readonly user: string;
  /** As a challenge names it. */
  readonly scope: string;
}

/** A server of a file, whose `@` is its directory. */
async function serve(signatures: string) {
  using held = new DisposableStack();
  const directory = held.use(scratch("signatures"));
  const file = join(directory.path, "registry.yml");
  const { publicKey } = generateKeyPairSync("ed25519");
  writeFileSync(join(directory.path, "key.pem"), publicKey.export({ format: "pem", type: "spki" }));
  writeFileSync(join(directory.path, "users"), users);
  const yaml = `
version: 0.1
storage: inmemory
http: {addr: "127.0.0.1:0"}
auth:
  htpasswd: {realm: r, path: "@/users"}
  issuer: {service: varve}
  rules:
    - {everyone: true, repositories: "**", actions: pull}
    - {users: al, repositories: "**", actions: "*"}
policy:
  signatures: [${signatures}]
`;
  writeFileSync(file, yaml.replaceAll("@", directory.path));
  const server = await startServer(await readConfig({ file, environment: {} }), () => undefined);
  const origin = `http://${server.address}`;
  const tokenFor = async ({ user, scope }: Scoped) => {
    const headers = { Authorization: `Basic ${Buffer.from(`${user}:secret`).toString("base64")}` };
    const answer = await fetch(`${origin}/token?service=varve&scope=${scope}`, { headers });
    return `Bearer ${((await answer.json()) as { token: string }).token}`;
  };
  const parts = held.move();
  const dispose = async () => {
    await server.stop(AbortSignal.abort());
    parts.dispose();
  };
  return { origin, tokenFor, [Symbol.asyncDispose]: dispose };
}

/** The scope that a refusal asks for. */
const scopeIn = (answer: Response) =>
  /scope="([^"]+)"/.exec(answer.headers.get("www-authenticate") ?? "")?.[1];

test("B172 a rule of the configuration: whoever may push gets, by the challenge, a token with which he reads it", async () => {
  await using serving = await serve('{repositories: ["**"], modes: [pull], cosign: {keys: ["@/key.pem"]}}');
  const { origin, tokenFor } = serving;
  const url = `${origin}/v2/app/manifests/v1`;
  const pushing = await tokenFor({ user: "al", scope: "repository:app:pull,push" });
  const headers = { Authorization: pushing, "Content-Type": mediaTypes.ociManifest };
  const config = `${origin}/v2/app/blobs/uploads/?digest=${digestOf("{}")}`;
  assert.equal((await fetch(config, { method: "POST", headers, body: "{}" })).status, 201);
  const body = manifestOf(digestOf("{}"));
  assert.equal((await fetch(url, { method: "PUT", headers, body: Buffer.from(body) })).status, 201);
  for (const [user, status] of [
    ["jo", 401],
    ["al", 200],
  ] as const) {
    const pulling = await tokenFor({ user, scope: "repository:app:pull" });
    const first = await fetch(url, { headers: { Authorization: pulling } });
    assert.deepEqual([first.status, scopeIn(first)], [401, "repository:app:pull,push"]);
    assert.match(await first.text(), /it has no signature of a trusted key/);
    const more = await tokenFor({ user, scope: scopeIn(first) as string });
    assert.equal((await fetch(url, { headers: { Authorization: more } })).status, status, user);
  }
});

test("keys that cannot be had are refused with their place", async () => {
  const missing = '{repositories: ["**"], cosign: {keys: ["@/other.pem"]}}';
  await assert.rejects(
    serve(missing),
    /registry\.yml:12: policy\.signatures\[0\]: cannot read .*other\.pem: ENOENT/,
  );
  const wrong = '{repositories: ["**"], notation: {certificates: ["@/key.pem"]}}';
  await assert.rejects(serve(wrong), /policy\.signatures\[0\]: .*key\.pem: holds no "CERTIFICATE" in PEM/);
});
