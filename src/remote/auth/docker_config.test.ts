import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, test } from "node:test";
import { failure, signal } from "../testing.test.ts";
import type { Credentials } from "./credentials.ts";
import { metadataHmacKey } from "./credentials.ts";
import { defaultDockerConfigPath, DockerConfig } from "./docker_config.ts";

const directory = await mkdtemp(join(tmpdir(), "varve-config-"));
after(() => rm(directory, { recursive: true }));

let files = 0;
async function configOf(content: unknown): Promise<DockerConfig> {
  const path = join(directory, `config${files++}.json`);
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
  return new DockerConfig(path, environment);
}
const base64 = (text: string) => Buffer.from(text).toString("base64");

/** A helper as a shell script; it keeps what it is told in files named after the server. */
const helpers = join(directory, "bin");
const environment = { PATH: `${helpers}${delimiter}${process.env["PATH"]}`, HELPER_DIR: helpers };
await mkdir(helpers);
await writeFile(
  join(helpers, "docker-credential-test"),
  `#!/bin/sh
input=$(cat)
key() { printf %s "$1" | tr -c 'a-z0-9.' _; }
case $1 in
get)
  case $input in
  broken) echo "keychain is locked"; exit 1;;
  nonsense) echo "top secret"; exit 0;;
  esac
  cat "$HELPER_DIR/$(key "$input").json" 2>/dev/null || { echo "credentials not found in native keychain"; exit 1; };;
store) server=$(printf %s "$input" | sed 's/.*"ServerURL":"\\([^"]*\\)".*/\\1/'); printf %s "$input" > "$HELPER_DIR/$(key "$server").json";;
erase) rm "$HELPER_DIR/$(key "$input").json" 2>/dev/null || { echo "credentials not found in native keychain"; exit 1; };;
esac
`,
);
await chmod(join(helpers, "docker-credential-test"), 0o755);
const noShell = process.platform === "win32" ? "needs a shell for the helper script" : false;

const entries: readonly [string, unknown, string, Credentials | undefined][] = [
  ["auth", { h: { auth: base64("jo:a:b") } }, "h", { kind: "password", username: "jo", password: "a:b" }],
  [
    "auth with padding zeros",
    { h: { auth: base64("jo:x\0\0") } },
    "h",
    { kind: "password", username: "jo", password: "x" },
  ],
  [
    "plain fields",
    { h: { username: "jo", password: "x" } },
    "h",
    { kind: "password", username: "jo", password: "x" },
  ],
  [
    "identity token",
    { h: { auth: base64("jo:"), identitytoken: "T" } },
    "h",
    { kind: "identity", token: "T", username: "jo" },
  ],
  ["registry token", { h: { registrytoken: "R" } }, "h", { kind: "registry", token: "R" }],
  [
    "Docker Hub",
    { "https://index.docker.io/v1/": { auth: base64("a:b") } },
    "docker.io",
    { kind: "password", username: "a", password: "b" },
  ],
  [
    "a URL as key",
    { "https://h:5000/v2/": { auth: base64("a:b") } },
    "h:5000",
    { kind: "password", username: "a", password: "b" },
  ],
  ["another host", { h: { auth: base64("a:b") } }, "h:5000", undefined],
  ["an empty entry", { h: {} }, "h", undefined],
  ["nothing", undefined, "h", undefined],
];
for (const [name, auths, domain, expected] of entries) {
  test(`config.json: ${name}`, async () => {
    assert.deepEqual(await (await configOf({ auths })).find(domain, signal), expected);
  });
}

test("a missing or empty file has no credentials; a damaged one is an error that tells no secret", async () => {
  assert.equal(await new DockerConfig(join(directory, "none/x.json"), {}).find("h", signal), undefined);
  assert.equal(await (await configOf(" ")).find("h", signal), undefined);
  const damaged = await configOf('{"auths":{"h":{"auth":"c2VjcmV0"');
  await assert.rejects(damaged.find("h", signal), failure("invalid", `read ${damaged.path}: not valid JSON`));
  const odd = await configOf({ auths: { h: { auth: base64("secret-without-colon") } } });
  await assert.rejects(
    odd.find("h", signal),
    failure("invalid", /invalid auth configuration file: auth of h$/),
  );
});

test("saving keeps all other fields, in Docker's form, readable by the owner only", async () => {
  const config = await configOf({
    HttpHeaders: { a: "b" },
    auths: { other: { auth: "eDp5" } },
    psFormat: "x",
  });
  await config.save("h:5000", { kind: "password", username: "jo", password: "secret" }, signal);
  assert.equal(
    await readFile(config.path, "utf8"),
    `{
	"HttpHeaders": {
		"a": "b"
	},
	"auths": {
		"other": {
			"auth": "eDp5"
		},
		"h:5000": {
			"auth": "am86c2VjcmV0"
		}
	},
	"psFormat": "x"
}`,
  );
  if (process.platform !== "win32") assert.equal((await stat(config.path)).mode & 0o777, 0o600);
  await config.save("h:5000", { kind: "identity", username: "jo", token: "T" }, signal);
  const saved = JSON.parse(await readFile(config.path, "utf8")) as { auths: Record<string, unknown> };
  assert.deepEqual(saved.auths["h:5000"], { auth: "am86", identitytoken: "T" });
  assert.equal(await config.remove("h:5000", signal), true);
  assert.equal(await config.remove("h:5000", signal), false);
  assert.deepEqual(JSON.parse(await readFile(config.path, "utf8")), {
    HttpHeaders: { a: "b" },
    auths: { other: { auth: "eDp5" } },
    psFormat: "x",
  });
});

test("saving makes the directory, and leaves a symbolic link in place", async () => {
  const path = join(directory, "new/dir/config.json");
  const credentials = { kind: "password", username: "a", password: "b" } as const;
  await new DockerConfig(path, {}).save("h", credentials, signal);
  const link = join(directory, "link.json");
  await symlink(path, link);
  await new DockerConfig(link, {}).save("i", credentials, signal);
  const saved = JSON.parse(await readFile(path, "utf8")) as { auths: object };
  assert.deepEqual(Object.keys(saved.auths), ["h", "i"]);
});

test("a credential helper is asked, told and made to forget", { skip: noShell }, async () => {
  for (const setting of [{ credsStore: "test" }, { credsStore: "none", credHelpers: { "h:1": "test" } }]) {
    const config = await configOf({ ...setting, auths: {} });
    const secret: Credentials = { kind: "password", username: "jo", password: "s" };
    assert.equal(await config.find("h:1", signal), undefined);
    assert.equal(await config.save("h:1", secret, signal), "helper");
    assert.deepEqual(await config.find("h:1", signal), secret);
    const file = await readFile(config.path, "utf8");
    assert.deepEqual((JSON.parse(file) as { auths: object }).auths, { "h:1": {} });
    await config.save("h:1", { kind: "identity", token: "T", username: "jo" }, signal);
    assert.deepEqual(await config.find("h:1", signal), { kind: "identity", token: "T" });
    assert.equal(await config.remove("h:1", signal), true);
    assert.equal(await config.find("h:1", signal), undefined);
    await config.remove("h:1", signal);
  }
});

test("a helper's failure is told, its output is not when it may be a secret", { skip: noShell }, async () => {
  const config = await configOf({ credsStore: "test" });
  await assert.rejects(
    config.find("broken", signal),
    failure("unavailable", "error getting credentials - docker-credential-test get: keychain is locked"),
  );
  await assert.rejects(
    config.find("nonsense", signal),
    failure("unavailable", "docker-credential-test get: answered something other than credentials"),
  );
  const missing = await configOf({ credsStore: "no-such-helper" });
  await assert.rejects(
    missing.find("h", signal),
    failure("unavailable", /exec: "docker-credential-no-such-helper": executable file not found in \$PATH$/),
  );
  const path = await configOf({ credsStore: "../../evil" });
  await assert.rejects(
    path.find("h", signal),
    failure("invalid", 'invalid credential helper name "../../evil"'),
  );
});

test("the file is where DOCKER_CONFIG says, else in the home directory", () => {
  assert.equal(defaultDockerConfigPath({ DOCKER_CONFIG: join("x", "y") }), join("x", "y", "config.json"));
  assert.ok(defaultDockerConfigPath({}).endsWith(join(".docker", "config.json")));
});

test("B144 the HMAC key is the digest of the credentials' JSON", () => {
  const key = (credentials: Credentials | undefined) => metadataHmacKey("h:1", credentials);
  // printf '{}' | sha256sum; printf '{"username":"jo","password":"s","serveraddress":"h:1"}' | sha256sum
  assert.equal(key(undefined), "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
  assert.equal(
    key({ kind: "password", username: "jo", password: "s" }),
    "sha256:d81dd4153427d2ed8263f00060613ec7ce7004b143f69bebfc58424b91264b34",
  );
});
