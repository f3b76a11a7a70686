/** The real cosign signs on a registry that wants signatures. */
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { digestOf, mediaTypes } from "../../src/oci/index.ts";
import { readConfig, startServer } from "../../src/registry/index.ts";
import { manifestOf } from "../suites/registry_requests.ts";
import { scratch } from "../suites/scratch.ts";

const skip =
  spawnSync("cosign", ["version"]).error === undefined
    ? false
    : "there is no cosign: go install github.com/sigstore/cosign/v2/cmd/cosign@v2.4.3";

/** Password `secret` of `al`, bcrypt of cost 4. */
const users = "al:$2b$04$B.o8KH.t4loYs23lKcCufenNI.p2estD.E0PAI.PF11JihN2Zw4he\n";

interface Serving extends AsyncDisposable {
  readonly address: string;
  /** Runs cosign with this key. */
  sign(key: string, image: string, ...more: readonly string[]): Promise<void>;
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

/** A registry that gives nothing out of `prod/` and tags nothing there that these keys have not signed. */
async function serve(pairs: Readonly<Record<string, PairOfKeys>>): Promise<Serving> {
  using held = new DisposableStack();
  const directory = held.use(scratch("cosign"));
  const at = (name: string) => join(directory.path, name);
  const env = { ...process.env, COSIGN_PASSWORD: "", COSIGN_EXPERIMENTAL: "1", HOME: directory.path };
  const cosign = (...args: string[]) => promisify(execFile)("cosign", args, { env, cwd: directory.path });
  for (const [name, { publicKey, privateKey }] of Object.entries(pairs)) {
    writeFileSync(at(`${name}.pem`), privateKey.export({ format: "pem", type: "pkcs8" }));
    await cosign("import-key-pair", "--key", at(`${name}.pem`), "--output-key-prefix", name);
    writeFileSync(at(`${name}.public`), publicKey.export({ format: "pem", type: "spki" }));
  }
  writeFileSync(at("users"), users);
  const keys = Object.keys(pairs).map((name) => at(`${name}.public`));
  const overrides = {
    storage: "inmemory",
    http: { addr: "127.0.0.1:0" },
    auth: { htpasswd: { realm: "r", path: at("users") }, issuer: { service: "varve" } },
    policy: { signatures: [{ repositories: ["prod/**"], modes: ["push", "pull"], cosign: { keys } }] },
  };
  const server = await startServer(await readConfig({ environment: {}, overrides }), () => undefined);
  const origin = `http://${server.address}`;
  const basic = `Basic ${Buffer.from("al:secret").toString("base64")}`;
  const scope = "scope=repository:prod/app:pull,push";
  const answer = await fetch(`${origin}/token?service=varve&${scope}`, { headers: { Authorization: basic } });
  const { token } = (await answer.json()) as { token: string };
  const parts = held.move();
  return {
    address: server.address,
    sign: async (key, image, ...more) => {
      const login = ["--registry-username", "al", "--registry-password", "secret"];
      const local = ["--tlog-upload=false", "--allow-insecure-registry", "--allow-http-registry"];
      await cosign("sign", "-y", "--key", at(`${key}.key`), ...login, ...local, ...more, image);
    },
    fetch: (path, init = {}) =>
      fetch(`${origin}${path}`, {
        ...init,
        headers: { "Content-Type": mediaTypes.ociManifest, Authorization: `Bearer ${token}` },
      }),
    [Symbol.asyncDispose]: async () => {
      await server.stop(AbortSignal.abort());
      parts.dispose();
    },
  };
}

interface PairOfKeys {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

test("B172 cosign signs by digest, in both of its forms, and then the tag is taken", { skip }, async () => {
  const pairs = {
    p256: generateKeyPairSync("ec", { namedCurve: "P-256" }),
    p384: generateKeyPairSync("ec", { namedCurve: "P-384" }),
    rsa: generateKeyPairSync("rsa", { modulusLength: 2048 }),
    ed25519: generateKeyPairSync("ed25519"),
  };
  await using serving = await serve(pairs);
  await serving.fetch(`/v2/prod/app/blobs/uploads/?digest=${digestOf("{}")}`, { method: "POST", body: "{}" });
  for (const [kind, mode] of [
    ["p256", "legacy"],
    ["p256", "oci-1-1"],
    ["p384", "legacy"],
    ["rsa", "legacy"],
    ["ed25519", "legacy"],
  ] as const) {
    const body = Buffer.from(manifestOf(digestOf("{}"), { annotations: { comment: kind + mode } }));
    const put = async (key: string) =>
      (await serving.fetch(`/v2/prod/app/manifests/${key}`, { method: "PUT", body })).status;
    assert.equal(await put(digestOf(body)), 201);
    assert.equal(await put("v1"), 403);
    const image = `${serving.address}/prod/app@${digestOf(body)}`;
    await serving.sign(kind, image, `--registry-referrers-mode=${mode}`);
    assert.equal(await put("v1"), 201, `${kind} ${mode}`);
  }
});
