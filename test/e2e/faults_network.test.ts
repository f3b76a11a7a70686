/** Busy and broken registries, and credentials, through the bundled program. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Fault, FaultRequest, RegistryAuth } from "../../src/registry/index.ts";
import { unlessLinux } from "../suites/scratch.ts";
import { hostileImage } from "../fixtures/hostile/hostile_image.ts";
import { hostileRegistry } from "../fixtures/hostile/hostile_registry.ts";
import { assertOneError, footprint, partials, World } from "../fixtures/hostile/world.ts";
import { randomLayers } from "./faults_support.ts";
import { varveOn } from "./support.ts";

const busy = (status: number, headers: Record<string, string> = { "Retry-After": "0" }): Fault => ({
  kind: "answer",
  status,
  headers,
  body: '{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}',
});

/** Misbehaviour at the first requests whose path matches, each in turn; after that the registry behaves. */
function inTurn(...plan: [path: RegExp, fault: Fault][]): (request: FaultRequest) => Fault | undefined {
  const left = [...plan];
  return ({ path }) => {
    const next = left.findIndex(([pattern]) => pattern.test(path));
    return next < 0 ? undefined : left.splice(next, 1)[0]?.[1];
  };
}

test(
  "429, 503 and broken connections are waited out; the output stays plain",
  { skip: unlessLinux },
  async () => {
    using world = new World();
    const image = hostileImage(randomLayers(300_000, 300_000));
    const [first, second] = image.digests as [string, string];
    await using registry = await hostileRegistry({
      faults: inTurn(
        [/^\/v2\/$/, busy(503)],
        [/manifests\/1$/, busy(429)],
        [/manifests\/sha256/, busy(503)],
        [new RegExp(first), busy(429)],
        [new RegExp(first), { kind: "cut", afterBytes: 100_000 }],
        [new RegExp(first), { kind: "cut", afterBytes: 0 }],
        [new RegExp(second), { kind: "cut", afterBytes: 299_999 }],
        [new RegExp(second), { kind: "ignore-range" }],
      ),
    });
    const reference = await registry.publish("busy", image);
    const varve = varveOn(world.root);
    const { code, stdout, stderr } = await varve.run(["pull", reference]);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    const lines = stdout.trimEnd().split("\n");
    assert.equal(lines[0], "1: Pulling from busy");
    for (const line of lines.slice(1, -3)) {
      assert.match(
        line,
        /^[0-9a-f]{12}: (Pulling fs layer|Verifying Checksum|Download complete|Pull complete)$/,
      );
    }
    assert.deepEqual(lines.slice(-2), [`Status: Downloaded newer image for ${reference}`, reference]);
    // What had come before a break is not asked for again.
    const ranges = registry.requests.filter(({ path }) => path.endsWith(first)).map(({ range }) => range);
    assert.deepEqual(ranges, [undefined, undefined, "bytes=100000-", "bytes=100000-"]);
    assert.equal(await varve("system", "check", "--deep"), "no problems found");
  },
);

test(
  "a registry that asks for hours, or is not there, is told of at once",
  { skip: unlessLinux },
  async () => {
    using world = new World();
    await using registry = await hostileRegistry({
      faults: ({ path }) =>
        path.includes("/manifests/") ? busy(429, { "Retry-After": "21600" }) : undefined,
    });
    const varve = varveOn(world.root);
    assertOneError(await varve.run(["pull", `${registry.address}/x:1`]), /slow down|toomanyrequests|429/i);
    // Port 9 of loopback: discard, which nobody serves.
    assertOneError(
      await varve.run(["pull", "127.0.0.1:9/x:1"]),
      /127\.0\.0\.1:9: connect: connection refused$/,
    );
    const env = {
      HTTPS_PROXY: "http://jo:proxy-secret@127.0.0.1:9",
      HTTP_PROXY: "http://jo:proxy-secret@127.0.0.1:9",
    };
    const outcome = await varve.run(["pull", "registry.invalid/x:1"], { env: { ...env, VARVE_DEBUG: "1" } });
    assert.equal(outcome.code, 1);
    assert.doesNotMatch(outcome.stderr + outcome.stdout, /proxy-secret/);
    assert.equal(await varve("images", "-aq"), "");
  },
);

const password = "pass:w\u00f6rd of jo";

for (const kind of ["basic", "token"] as const satisfies readonly RegistryAuth["kind"][]) {
  test(
    `${kind}: a wrong login stores nothing; a right one is kept private and never shown`,
    { skip: unlessLinux },
    async (t) => {
      using world = new World();
      await using registry = await hostileRegistry({ auth: { kind, users: { jo: password } } });
      // A registry's own answers are asked for credentials; those that are put in its place are not.
      const image = hostileImage(randomLayers(50_000));
      const reference = await registry.publish("private", image);
      const docker = world.path("docker");
      const config = join(docker, "config.json");
      const env = { DOCKER_CONFIG: docker, VARVE_DEBUG: "1" };
      const varve = varveOn(world.root);
      const said: string[] = [];
      const run = async (args: string[], input = ""): ReturnType<typeof varve.run> => {
        const outcome = await varve.run(args, { env, input });
        said.push(outcome.stdout, outcome.stderr);
        return outcome;
      };
      const login = (secret: string): ReturnType<typeof varve.run> =>
        run(["login", "-u", "jo", "--password-stdin", registry.address], `${secret}\n`);

      await t.test("wrong", async () => {
        const outcome = await login("wrong");
        assert.equal(outcome.code, 1);
        assert.match(outcome.stderr, /^varve: .*(401|unauthorized|authentication required)/im);
        assert.ok(!existsSync(config));
        const pulled = await run(["pull", reference]);
        assert.equal(pulled.code, 1);
        assert.match(pulled.stderr, /^varve: .*(unauthorized|no basic auth credentials|denied)/im);
        assert.deepEqual(partials(world.root), []);
      });
      await t.test("right", async () => {
        const outcome = await login(password);
        assert.equal(outcome.code, 0, outcome.stderr);
        assert.equal(outcome.stdout, "Login Succeeded\n");
        assert.equal(statSync(config).mode & 0o777, 0o600);
        assert.equal(statSync(docker).mode & 0o077, 0);
        assert.ok(Object.keys(JSON.parse(readFileSync(config, "utf8")).auths).includes(registry.address));
        const pulled = await run(["pull", reference]);
        assert.equal(pulled.code, 0, pulled.stderr);
        await run(["tag", reference, `${registry.address}/copy:1`]);
        assert.equal((await run(["push", `${registry.address}/copy:1`])).code, 0);
        for (const args of [["info"], ["inspect", reference], ["history", "--no-trunc", reference]])
          await run(args);
      });
      await t.test("a wrong login later leaves the right one", async () => {
        const before = readFileSync(config, "utf8");
        assert.equal((await login("wrong")).code, 1);
        assert.equal(readFileSync(config, "utf8"), before);
      });
      await t.test("logout forgets it", async () => {
        assert.equal((await run(["logout", registry.address])).code, 0);
        assert.deepEqual(JSON.parse(readFileSync(config, "utf8")).auths, {});
        await run(["rmi", reference, `${registry.address}/copy:1`]);
        assert.equal((await run(["pull", `${registry.address}/copy:1`])).code, 1);
      });
      for (const secret of [password, Buffer.from(`jo:${password}`).toString("base64"), "wrong\n"])
        assert.ok(!said.join("").includes(secret), `${secret} was shown`);
      for (const line of footprint(world.root)) assert.ok(!line.includes(password));
    },
  );
}

test(
  "a credential helper gets the secret by its standard input, never as an argument",
  { skip: unlessLinux },
  async () => {
    using world = new World();
    await using registry = await hostileRegistry({ auth: { kind: "basic", users: { jo: password } } });
    const [docker, bin, log] = ["docker", "bin", "log"].map((name) => world.path(name)) as [
      string,
      string,
      string,
    ];
    mkdirSync(docker);
    mkdirSync(bin);
    writeFileSync(join(docker, "config.json"), '{"credsStore":"varvetest"}');
    const helper = `#!/bin/sh
echo "arguments: $*" >> ${log}
tr '\\0' ' ' < /proc/$PPID/cmdline >> ${log}
echo >> ${log}
if [ "$1" = store ]; then cat > ${log}.kept; fi
if [ "$1" = get ]; then cat ${log}.kept; fi
`;
    writeFileSync(join(bin, "docker-credential-varvetest"), helper, { mode: 0o755 });
    const env = { DOCKER_CONFIG: docker, PATH: `${bin}:${process.env["PATH"] ?? ""}` };
    const varve = varveOn(world.root);
    const outcome = await varve.run(["login", "-u", "jo", "--password-stdin", registry.address], {
      env,
      input: password,
    });
    assert.equal(outcome.code, 0, outcome.stderr);
    assert.equal(outcome.stderr, "", "a helper keeps it: no warning");
    const pushed = await varve.run(["pull", await registry.publish("x", hostileImage(randomLayers(1000)))], {
      env,
    });
    assert.equal(pushed.code, 0, pushed.stderr);
    const seen = readFileSync(log, "utf8");
    assert.match(seen, /^arguments: store$/m);
    assert.match(seen, /^arguments: get$/m);
    assert.ok(!seen.includes(password), seen);
    assert.ok(
      !readFileSync(join(docker, "config.json"), "utf8").includes(Buffer.from(password).toString("base64")),
    );
  },
);
