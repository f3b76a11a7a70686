/** `RUN --mount` in steps that really run: what the command sees, and that nothing of it is in the layer. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { testSteps, tracesOf, type Steps } from "../../../test/support/step_fixture.ts";
import { scratch } from "../../../test/suites/scratch.ts";
import { prepareMounts } from "../../build/mounts/index.ts";
import type { SourceTree } from "../../build/source/types.ts";
import { isFailure } from "../../errors.ts";

const one = ["overlay2"] as const;

testSteps(
  "bind: an image's files, read-only; rw: writes are thrown away; no stub is in the layer",
  async (steps) => {
    const read = await steps.run("cat /mnt/deep/inside/passwd; touch /mnt/deep/inside/x", {
      prepare: [{ type: "bind", from: "image", source: "/etc", target: "/mnt/deep/inside" }],
    });
    assert.match(read.stdout, /^root:/);
    assert.match(read.stderr, /Read-only file system/);
    assert.deepEqual([read.code, read.layer], [1, []]);
    const written = await steps.run("echo x > /mnt/made && cat /mnt/made; echo y > /kept", {
      prepare: [{ type: "bind", from: "image", source: "etc", target: "/mnt", readWrite: true }],
    });
    assert.deepEqual([written.code, written.stdout, written.layer], [0, "x\n", ["file kept"]]);
    const again = await steps.run("ls /mnt", {
      prepare: [{ type: "bind", from: "image", source: "etc", target: "mnt" }],
    });
    assert.ok(!again.stdout.includes("made"));
    assert.deepEqual(steps.traces(), []);
  },
);

testSteps(
  "bind: one file; a path through links stays inside; a missing one is told in BuildKit's words",
  async (steps) => {
    const file = await steps.run("cat /f; ls -l /f", {
      prepare: [{ type: "bind", from: "image", source: "bin/../etc/passwd", target: "/f" }],
    });
    assert.match(file.stdout, /^root:/);
    assert.deepEqual(file.layer, []);
    await assert.rejects(
      steps.run("true", { prepare: [{ type: "bind", from: "image", source: "/no/such", target: "/f" }] }),
      (error) => {
        assert.equal((error as Error).message, 'failed to compute cache key: "/no/such": not found');
        return isFailure(error, "not-found");
      },
    );
    assert.deepEqual(steps.traces(), []);
  },
  one,
);

testSteps(
  "bind: files of the context, of which links lead nowhere else",
  async (steps) => {
    using outside = scratch("outside");
    writeFileSync(join(outside.path, "secret"), "not for you");
    const context = join(steps.session.directory, "context");
    mkdirSync(join(context, "src"), { recursive: true });
    writeFileSync(join(context, "src/a"), "of the context");
    symlinkSync(join(outside.path, "secret"), join(context, "away"));
    const place = {
      sources: async () => ({ name: "context" }) as SourceTree,
      materialize: async () => context,
    };
    const { stdout } = await steps.run("cat a", {
      prepare: [{ type: "bind", source: "src", target: "." }],
      place: { ...place, workingDir: "/work" },
      workingDir: "/work",
    });
    assert.equal(stdout, "of the context");
    const away = steps.run("true", { prepare: [{ type: "bind", source: "away", target: "/x" }], place });
    await assert.rejects(away, (error) => isFailure(error, "not-found"));
  },
  one,
);

testSteps("cache: outlives the step, and nothing of it is in the layer", async (steps) => {
  const cache = { type: "cache", target: "/root/.cache/npm" } as const;
  const first = await steps.run("echo kept > /root/.cache/npm/a; echo made > /root/made", {
    prepare: [cache],
  });
  assert.deepEqual(first.layer, ["directory root/", "file root/made"]);
  const second = await steps.run("cat /root/.cache/npm/a", { prepare: [cache] });
  assert.deepEqual([second.stdout, second.layer], ["kept\n", []]);
  const other = await steps.run("ls /c", { prepare: [{ type: "cache", id: "other", target: "/c" }] });
  assert.equal(other.stdout, "");
  assert.deepEqual(steps.traces(), []);
});

testSteps(
  "cache: begins as its source; owner, mode and ro are as asked",
  async (steps) => {
    const filled = { type: "cache", from: "image", source: "/etc", target: "/c" } as const;
    const began = await steps.run("cat /c/passwd | head -n 1; echo more > /c/more", { prepare: [filled] });
    assert.match(began.stdout, /^root:/);
    assert.equal(
      (await steps.run("cat /c/more", { prepare: [{ ...filled, readWrite: false }] })).stdout,
      "more\n",
    );
    const written = await steps.run("touch /c/x", { prepare: [{ ...filled, readWrite: false }] });
    assert.match(written.stderr, /Read-only file system/);
    const owned = { type: "cache", target: "/o", uid: "1000", gid: "1001", mode: "0700" } as const;
    const { stdout } = await steps.run("touch /o/mine; stat -c '%a %u:%g' /o /o/mine", {
      prepare: [owned],
      user: "jo",
    });
    assert.equal(stdout, "700 1000:1001\n644 1000:1001\n");
  },
  one,
);

testSteps(
  "tmpfs: of that size, with programs that run, and gone afterwards",
  async (steps) => {
    const script =
      "cp /bin/busybox /t/busybox && /t/busybox echo ran; df -k /t | tail -n 1 | awk '{print $2}'";
    const prepare = [{ type: "tmpfs", target: "/t", size: "8m" }] as const;
    assert.deepEqual(await steps.run(script, { prepare }), {
      code: 0,
      stdout: "ran\n8192\n",
      stderr: "",
      layer: [],
    });
  },
  one,
);

testSteps(
  "secret: a file in memory that only its owner reads, or a variable; never in the layer",
  async (steps) => {
    using files = scratch("secrets");
    writeFileSync(join(files.path, "token"), "s3cret");
    process.env["VARVE_TEST_SECRET"] = "from a variable";
    const secrets = new Map([
      ["token", { file: join(files.path, "token") }],
      ["other", { env: "VARVE_TEST_SECRET" }],
    ]);
    const outcome = await steps.run(
      "cat /run/secrets/token; stat -c ' %a %u:%g' /run/secrets/token; stat -f -c %T /run/secrets/token; cat /keys/o; echo; echo $TOKEN; ls /run/secrets",
      {
        prepare: [
          { type: "secret", id: "token" },
          { type: "secret", id: "other", target: "/keys/o", mode: "0444", uid: "7" },
          { type: "secret", id: "token", env: "TOKEN" },
          { type: "secret", id: "absent" },
        ],
        place: { secrets },
      },
    );
    const lines = ["s3cret 400 0:0", "tmpfs", "from a variable", "s3cret", "token"];
    assert.deepEqual([outcome.stdout.trim().split("\n"), outcome.stderr], [lines, ""]);
    assert.deepEqual(outcome.layer, []);
    assert.deepEqual(steps.traces(), []);
    assert.deepEqual(filesWith(steps.root, "s3cret"), []);
  },
);

/** Files below a directory that hold a text. */
function filesWith(directory: string, text: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => readFileSync(path, "latin1").includes(text));
}

testSteps(
  "secret and ssh: what is required and was not given is told in BuildKit's words",
  async (steps) => {
    const message = async (prepare: Parameters<Steps["run"]>[1]): Promise<string> => {
      const running = steps.run("true", prepare);
      return running.then(
        () => "",
        (error: Error) => `${String((error as { kind?: string }).kind)}: ${error.message}`,
      );
    };
    const missing = { prepare: [{ type: "secret", id: "x", required: true }] } as const;
    assert.equal(await message(missing), "not-found: secret x: not found");
    const agent = { prepare: [{ type: "ssh", required: true }] } as const;
    assert.equal(await message(agent), 'not-found: no SSH key "default" forwarded from the client');
    const nameless = { prepare: [{ type: "secret" }] } as const;
    assert.equal(await message(nameless), "invalid: one of source, target required");
    const root = { prepare: [{ type: "tmpfs", target: "/" }] } as const;
    assert.equal(await message(root), 'invalid: invalid mount target "/"');
    assert.equal(await message({ prepare: [{ type: "ssh" }, { type: "secret", id: "x" }] }), "");
    assert.deepEqual(steps.traces(), []);
  },
  one,
);

testSteps(
  "ssh: the agent answers through a socket whose owner and mode are the mount's",
  async (steps) => {
    using directory = scratch("agent");
    const path = join(directory.path, "agent.sock");
    const agent = createServer((socket) =>
      socket.on("data", (data) => socket.end(`agent says ${String(data)}`)),
    );
    await new Promise<void>((resolve) => agent.listen({ path }, resolve));
    try {
      const place = steps.place({ ssh: new Map([["default", path]]) });
      await using prepared = await prepareMounts(
        [{ type: "ssh", mode: "0666", uid: "7" }, { type: "ssh" }],
        place,
      );
      assert.deepEqual(prepared.env, ["SSH_AUTH_SOCK=/run/buildkit/ssh_agent.0"]);
      const [mount] = prepared.mounts;
      assert.ok(mount?.type === "bind");
      const { uid, mode } = statSync(mount.source);
      assert.deepEqual([uid, mode & 0o777], [7, 0o666]);
      assert.equal(await ask(mount.source, "hello"), "agent says hello");
      const seen = await steps.run("test -S $SSH_AUTH_SOCK && stat -c '%a' $SSH_AUTH_SOCK", {
        prepare: [{ type: "ssh" }],
        place: { ssh: place.ssh },
      });
      assert.deepEqual([seen.stdout, seen.layer], ["600\n", []]);
    } finally {
      await new Promise((resolve) => agent.close(resolve));
    }
    assert.deepEqual(tracesOf(steps.root, []), []);
  },
  one,
);

/** What is answered at a socket, whose path may be too long to name. */
async function ask(path: string, text: string): Promise<string> {
  using link = scratch("socket");
  symlinkSync(path, join(link.path, "s"));
  const socket = connect({ path: join(link.path, "s") });
  socket.write(text);
  let answer = "";
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}
