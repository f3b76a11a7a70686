/** What an operator does with a registry's storage, on the command line, and with SIGHUP. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { appendFileSync, chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { test } from "node:test";
import { connect, type TLSSocket } from "node:tls";
import { digestOf, type Digest } from "../../src/oci/index.ts";
import { filesystemStorage } from "../../src/registry/index.ts";
import { certify, opensslSkip } from "../../src/registry/access/tokens/certificates_fixture.test.ts";
import { pushBlob, pushSmallImage, serveOn } from "../suites/registry_requests.ts";
import { scratch } from "../suites/scratch.ts";
import * as tree from "../support/registry_tree.ts";
import { serve, varve } from "./registry_serving.ts";
import { bundle, program, unless } from "./support.ts";

const lines = (text: string) => text.split("\n").filter(Boolean);
const values = (text: string) => lines(text).map((line) => JSON.parse(line) as Record<string, unknown>);

/** Without what differs from one run to the next. */
const timeless = (text: string) => text.replaceAll(/ since [\dTZ:-]+/g, "");

test("B169 registry garbage-collect: what --dry-run says is what is done, in text and in JSON", async () => {
  using held = scratch("care");
  const root = held.path;
  const storage = filesystemStorage(root);
  await tree.putImage(storage, "a/b", "v1", { label: "1", layers: ["one", "two"] });
  await tree.putImage(storage, "a/b", undefined, { label: "2", layers: ["two", "three"] });
  await tree.putBlob(storage, "a/b", Buffer.from("forgotten"));
  const collect = ["registry", "garbage-collect", "--quiet", "--delete-untagged", "--root", root];
  const [dry, dryJson] = [await varve(...collect, "--dry-run"), await varve("--json", ...collect, "-d")];
  const real = await varve(...collect);
  assert.equal(timeless(real), timeless(dry));
  const summary = "4 blobs marked, 4 blobs and 1 manifests eligible for deletion";
  assert.equal(lines(real).at(-1), summary);
  assert.match(real, /^deleted: blob sha256:\w+: unreferenced since /m);
  assert.match(real, /^kept: blob sha256:\w+ <- manifest sha256:\w+ <- tag a\/b:v1$/m);
  const told = values(dryJson);
  assert.equal(told.length, lines(dry).length);
  assert.equal(told.filter(({ action, subject }) => action === "deleted" && subject === "blob").length, 4);
  assert.equal(told.at(-1)?.["eligibleManifests"], 1);
  assert.equal(
    lines(await varve(...collect, "-d")).at(-1),
    "4 blobs marked, 0 blobs and 0 manifests eligible for deletion",
  );
  assert.equal(await varve("registry", "fsck", "--root", root), "");
});

test("registry retention: its preview is what it does, and undelete takes a tag back", async () => {
  using held = scratch("care");
  const root = join(held.path, "data");
  const storage = filesystemStorage(root);
  for (const tag of ["v1", "v2", "v3"]) await tree.putImage(storage, "a/b", tag, { label: tag, layers: [] });
  const config = join(held.path, "config.yml");
  const text = (rules: string) =>
    `version: 0.1\nstorage: {filesystem: {rootdirectory: ${root}}}\ngc: {interval: 24h}\nretention:\n  grace: 0s\n  rules: [${rules}]\n`;
  writeFileSync(config, text("{repositories: [a/*], tags: [v*], keep: {last: 1, tags: [v1]}}"));
  const preview = await varve("registry", "retention", "--dry-run", config);
  assert.match(preview, /^kept: tag a\/b@sha256:\w+: protected by rule 1$/m);
  assert.equal(lines(preview).at(-1), "2 tags kept, 0 condemned, 1 deleted");
  assert.equal(timeless(await varve("registry", "retention", config)), timeless(preview));
  assert.match(await varve("registry", "retention", config), /^2 tags kept, 0 condemned, 0 deleted$/m);
  const [item, ...others] = lines(await varve("registry", "undelete", "--config", config));
  assert.match(item ?? "", /Z a\/b:v\d sha256:\w+ by retention$/);
  assert.deepEqual(others, []);
  const [, name = ""] = item!.split(" ");
  assert.match(await varve("registry", "undelete", "--config", config, name), /^a\/b:v\d -> sha256:\w+$/);
  const again = await varve.run(["registry", "undelete", "--config", config, name]);
  assert.deepEqual([again.code, again.stderr], [1, `varve: cannot undelete ${name}: there is such a tag\n`]);
  writeFileSync(config, text(""));
  const none = await varve.run(["registry", "retention", config]);
  assert.equal(none.code, 1);
  assert.match(none.stderr, /the configuration has no retention\.rules/);
});

test("registry fsck: exit codes, findings, setting aside, healing from another registry", async () => {
  using held = scratch("care");
  const root = held.path;
  const storage = filesystemStorage(root);
  await using here = await serveOn({ storage });
  await using mirror = await serveOn({ storage: filesystemStorage(join(root, "mirror")) });
  for (const { origin } of [here, mirror]) await pushSmallImage(origin, "a/b", "v1");
  const blob = digestOf("{}");
  const file = join(root, "docker/registry/v2/blobs/sha256", blob.slice(7, 9), blob.slice(7), "data");
  const rot = () => writeFileSync(file, "[]");
  const fsck = (...flags: string[]) => varve.run(["--json", "registry", "fsck", "--root", root, ...flags]);
  const outcome = async (...flags: string[]) => {
    const { code, stdout } = await fsck(...flags);
    return [code, ...values(stdout).map((told) => `${String(told["outcome"])}: ${String(told["kind"])}`)];
  };
  rot();
  assert.deepEqual(await outcome(), [1, "found: corrupt blob"]);
  assert.deepEqual(await outcome("--repair", "--upstream", mirror.origin), [0, "healed: corrupt blob"]);
  assert.equal(readFileSync(file, "utf8"), "{}");
  rot();
  assert.deepEqual(await outcome("--repair"), [1, "set aside: corrupt blob"]);
  assert.equal((await fetch(`${here.origin}/v2/a/b/blobs/${blob}`, { method: "HEAD" })).status, 404);
  await pushBlob(here.origin, "a/b", "{}");
  assert.deepEqual(await outcome(), [0]);
  const wrong = await fsck("--upstream", "mirror.example");
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /expected a URL such as https:\/\/registry\.example, found mirror\.example/);
});

test("registry tag-history and tag-restore: who moved a tag, and back", async () => {
  using held = scratch("care");
  const root = held.path;
  const digests: Digest[] = [];
  {
    await using served = await serve(["--root", root]);
    const origin = `http://${served.address}`;
    for (const version of ["1", "2"])
      digests.push(await pushSmallImage(origin, "a/b", "v1", { annotations: { version } }));
    await fetch(`${origin}/v2/a/b/manifests/v1`, { method: "DELETE" });
    await pushSmallImage(origin, "a/b", "v1", { annotations: { version: "2" } });
  }
  const [first, second] = digests as [Digest, Digest];
  const history = () => varve("--json", "registry", "tag-history", "--root", root, "a/b:v1");
  const events = async () =>
    values(await history()).map(({ action, digest, current }) => [action, digest, current]);
  const before = [
    ["pushed", second, true],
    ["deleted", second, true],
    ["pushed", second, true],
    ["pushed", first, false],
  ];
  assert.deepEqual(await events(), before);
  const restore = await varve("registry", "tag-restore", "--root", root, "a/b:v1", first);
  assert.equal(restore, `a/b:v1 -> ${first}`);
  assert.deepEqual((await events())[0], ["restored", first, true]);
  const text = await varve("registry", "tag-history", "--root", root, "a/b:v1");
  assert.match(lines(text)[0] ?? "", new RegExp(`^\\* \\S+Z restored ${first}$`));
  assert.match(lines(text).at(-1) ?? "", new RegExp(`^\\* \\S+Z pushed ${first} 127\\.0\\.0\\.1$`));
  const failures: [args: string[], code: number, says: RegExp][] = [
    [["tag-history", "--root", root, "a/b:none"], 1, /no such tag: a\/b:none/],
    [["tag-history", "--root", root, "a/b"], 1, /expected REPOSITORY:TAG, found a\/b/],
    [["tag-restore", "--root", root, "a/b:v1", "sha256:1"], 1, /no digest: sha256:1/],
    [["tag-restore", "--root", root, "a/b:v1", digestOf("x")], 1, /it never led to sha256:/],
    [["tag-restore", "--root", root, "a/b:v1"], 1, /requires 2 arguments/],
    [["undelete", "--root", root, "a/b:none"], 1, /it is not in the trash/],
    [["undelete", "--bogus"], 125, /unknown flag: --bogus/],
    [["fsck"], 1, /nothing says where the registry keeps its data/],
  ];
  for (const [args, code, says] of failures) {
    const { code: found, stderr } = await varve.run(["registry", ...args]);
    assert.match(stderr, says, args.join(" "));
    assert.equal(found, code, args.join(" "));
  }
});

test("completion has the registry's commands, flags and files", { skip: unless("bash") }, async () => {
  using held = scratch("care");
  const path = join(held.path, "varve");
  writeFileSync(path, `#!/bin/sh\nexec '${process.execPath}' '${bundle}' "$@"\n`);
  chmodSync(path, 0o755);
  const script =
    'source <(varve completion bash); for line; do COMP_LINE=$line COMP_POINT=${#line}; _varve_complete; echo "${COMPREPLY[*]}"; done';
  const asked = [
    "varve registry ",
    "varve registry retention --dry",
    "varve registry fsck --",
    "varve registry serve --log-format ",
  ];
  const env = { PATH: `${held.path}:${process.env["PATH"]}` };
  const { stdout } = await program("bash", "-c", script, "-", ...asked).run([], { env });
  const [commands, retention, fsck, formats] = stdout.split("\n").map((line) => line.trim().split(/\s+/));
  for (const name of [
    "serve",
    "garbage-collect",
    "retention",
    "fsck",
    "tag-history",
    "tag-restore",
    "undelete",
  ])
    assert.ok(commands?.includes(name), `${name}: ${stdout}`);
  assert.deepEqual(retention, ["--dry-run"]);
  for (const flag of ["--repair", "--upstream", "--root", "--config"]) assert.ok(fsck?.includes(flag), flag);
  assert.deepEqual(formats?.sort(), ["json", "logstash", "text"]);
});

/** bcrypt of "secret". */
const hash = "$2y$05$z6svPfy.SWgXRnnClm49O.sT8kSpPOmsktWyCNpIV2N2VO9V0HcX6";

test(
  "SIGHUP: a new certificate, a new audit log, new users, and what is broken stays as it was",
  { skip: opensslSkip },
  async () => {
    using held = scratch("care");
    const at = (name: string) => join(held.path, name);
    const [certificate, key, htpasswd, audit] = [
      at("tls.pem"),
      at("tls.key"),
      at("htpasswd"),
      at("audit.log"),
    ];
    const install = (name: string) => {
      const made = certify(held.path, name);
      writeFileSync(key, made.key.export({ format: "pem", type: "pkcs8" }));
      writeFileSync(certificate, made.pem);
      return made.certificate.fingerprint256;
    };
    const first = install("first");
    writeFileSync(htpasswd, `ann:${hash}\n`);
    const config = {
      version: 0.1,
      storage: { filesystem: { rootdirectory: at("data") } },
      http: { tls: { certificate, key } },
      auth: { htpasswd: { realm: "r", path: htpasswd } },
      audit: { path: audit },
    };
    // JSON is YAML.
    writeFileSync(at("config.yml"), JSON.stringify(config));
    await using served = await serve([at("config.yml")]);
    const [host = "", port = ""] = served.address.split(":");
    const shown = async () => {
      const socket: TLSSocket = connect({ host, port: Number(port), rejectUnauthorized: false });
      await once(socket, "secureConnect");
      const { fingerprint256 } = socket.getPeerCertificate();
      socket.destroy();
      return fingerprint256;
    };
    const statusOf = async (user: string) => {
      const options = { auth: `${user}:secret`, rejectUnauthorized: false, agent: false };
      const [response] = (await once(
        request(`https://${served.address}/v2/`, options).end(),
        "response",
      )) as [import("node:http").IncomingMessage];
      response.resume();
      await once(response, "end");
      return response.statusCode;
    };
    const hangUp = async (times: number) => {
      served.child.kill("SIGHUP");
      await served.logged("msg=reloaded", times);
    };
    assert.deepEqual([await shown(), await statusOf("ann"), await statusOf("bob")], [first, 200, 401]);
    const second = install("second");
    appendFileSync(htpasswd, `bob:${hash}\n`);
    renameSync(audit, at("audit.log.1"));
    await hangUp(1);
    assert.deepEqual([await shown(), await statusOf("bob")], [second, 200]);
    assert.match(readFileSync(at("audit.log.1"), "utf8"), /"user":"ann"/);
    assert.ok(existsSync(audit));
    writeFileSync(certificate, "broken");
    await hangUp(2);
    assert.deepEqual([await shown(), await statusOf("ann")], [second, 200]);
    assert.ok(
      served.log.some((line) => line.includes('msg="not reloaded"')),
      served.log.join("\n"),
    );
    served.child.kill("SIGTERM");
    assert.deepEqual(await served.ended, [0, null]);
    assert.match(readFileSync(audit, "utf8"), /"user":"bob"/);
  },
);
