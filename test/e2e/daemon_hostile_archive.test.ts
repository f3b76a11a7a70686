/** `archive` of the API against containers that attack: nothing of the host's is read or written. */
import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { after, before, suite, test } from "node:test";
import { apiMachine, type ApiMachine } from "../support/api_machine.ts";
import { cannotLive } from "../support/live_machine.ts";
import { tarFile, tarOf, type PackedFile } from "../support/tar_help.ts";
import { unlessAll } from "../suites/scratch.ts";
import { World } from "../fixtures/hostile/world.ts";

const link = (path: string, linkPath: string): PackedFile => tarFile({ path, type: "symlink", linkPath });

suite("hostile archives and paths", { skip: cannotLive }, () => {
  let host: ApiMachine;
  let world: World;
  const names = ["stopped", "running"] as const;
  before(async () => {
    world = new World();
    mkdirSync(world.root);
    for (const name of ["victim", "sub/victim"]) world.plant(name, "secret of the host");
    host = await apiMachine("overlay2");
    mkdirSync(world.path("bound"));
    symlinkSync(world.decoy, `${world.path("bound")}/absolute`);
    writeFileSync(world.path("lone"), "lone");
    const up = `${"../".repeat(40)}${world.decoy.slice(1)}`;
    const script = [
      `for d in / /vol /bound; do cd $d; ln -sfn ${world.decoy} absolute; ln -sfn ${up} climbing; ln -sfn loop2 loop1`,
      "ln -sfn loop1 loop2; mkdir -p swap; echo mine > swap/victim; mkfifo pipe; done; mknod /null c 1 3; echo ready",
      'read x; cd /; while :; do mv swap kept; ln -s "$0" swap; rm swap; mkfifo swap; rm swap; mv kept swap; cd swap',
      "mv victim kept; mkfifo victim; rm victim; ln -s /absolute/victim victim; rm victim; mv kept victim; cd ..; done",
    ].join("\n");
    const HostConfig = {
      NetworkMode: "none",
      Binds: ["vol:/vol", `${world.path("bound")}:/bound`, `${world.path("lone")}:/lone`, "vol:/ro:ro"],
    };
    const Cmd = ["sh", "-c", script, world.decoy];
    for (const name of names) await host.create({ Cmd, HostConfig, OpenStdin: true }, name);
    for (const name of names) await ready(name);
    await host.expect(204, "POST", "/containers/stopped/kill");
    await host.expect(200, "POST", "/containers/stopped/wait");
  });
  after(async () => {
    for (const name of [...names, "quiet"])
      await host.ask(`/containers/${name}?force=1&v=1`, { method: "DELETE" });
    await host[Symbol.asyncDispose]();
    world[Symbol.dispose]();
  });

  async function ready(name: string): Promise<void> {
    const { connection } = await host.hijack(`/containers/${name}/attach?stream=1&stdout=1`);
    await host.expect(204, "POST", `/containers/${name}/start`);
    for await (const chunk of connection) if (String(chunk).includes("ready")) return;
  }

  const at = (name: string, path: string): string =>
    `/containers/${name}/archive?path=${encodeURIComponent(path)}`;
  const put = (name: string, path: string, body: Buffer) => host.ask(at(name, path), { method: "PUT", body });

  /** Nothing of the decoy's is in it, and it is no failure of the daemon's own. */
  function assertHarmless({ status, text }: { readonly status: number; readonly text: string }): void {
    assert.ok([200, 400, 404, 409, 500, 501].includes(status), `${status} ${text}`);
    assert.doesNotMatch(text, status === 200 ? /secret of the host/ : /secret of the host|internal error/);
  }
  function assertUntouched(): void {
    world.assertUntouched("bound", "lone");
    assert.deepEqual(host.warnings, []);
  }

  const tar = tarOf([tarFile({ path: "victim" }, "evil"), tarFile({ path: "sub/victim" }, "evil")]);
  for (const name of names) {
    test(`hostile paths of a ${name} container stay inside of it`, async () => {
      const all = ["", "/bound", "/vol", "/vol/..", "/absolute", "/climbing"];
      const roots = unlessAll === false ? all : all.slice(0, name === "running" ? 1 : 2);
      const tails = [
        "absolute",
        "absolute/",
        "absolute/.",
        "absolute/victim",
        "absolute/sub/",
        "climbing/victim",
      ];
      const others = ["loop1", "loop1/", "loop1/x", "pipe", `../../..${world.decoy}`, "../null", "lone/.."];
      for (const root of roots)
        for (const tail of [...tails, ...others]) {
          for (const method of ["GET", "HEAD"])
            assertHarmless(await host.ask(at(name, `${root}/${tail}`), { method }));
          assertHarmless(await put(name, `${root}/${tail}`, tar));
        }
      assertUntouched();
    });

    const archives: Record<string, PackedFile[]> = {
      "a symlink and a file below it": [link("out", "/DECOY"), tarFile({ path: "out/victim" }, "evil")],
      "a file below a symlink of the container": [tarFile({ path: "absolute/victim" }, "evil")],
      "a climbing name": [tarFile({ path: `${"../".repeat(40)}DECOY/victim` }, "evil")],
      "an absolute name": [tarFile({ path: "/DECOY/victim" }, "evil")],
      "hard links out": [
        tarFile({ path: "h", type: "hardlink", linkPath: "/DECOY/victim" }),
        tarFile({ path: "h" }, "evil"),
      ],
      "a hard link through a symlink": [
        tarFile({ path: "h", type: "hardlink", linkPath: "absolute/victim" }),
      ],
      "a device and something below it": [
        tarFile({ path: "dev0", type: "char", devMajor: 1, devMinor: 3 }),
        tarFile({ path: "dev0/x" }, "evil"),
      ],
      "a directory in the place of a symlink": [
        tarFile({ path: "absolute/", type: "directory", mode: 0o777 }),
        tarFile({ path: "absolute/victim" }, "evil"),
      ],
      "the mode of what a symlink leads to": [
        tarFile({ path: "absolute/.", type: "directory", mode: 0o777 }),
      ],
      "no end": [tarFile({ path: "half" }, "x".repeat(5000))],
    };
    for (const [title, files] of Object.entries(archives)) {
      const skip = name === "running" && unlessAll;
      test(`hostile archive for a ${name} container: ${title}`, { skip }, async () => {
        const real = files.map(({ entry, body }) => ({
          entry: { ...entry, path: placed(entry.path), linkPath: placed(entry.linkPath) },
          body,
        }));
        const bytes = tarOf(real);
        const body = title === "no end" ? bytes.subarray(0, 2000) : bytes;
        for (const [directory, flags] of targets)
          assertHarmless(await host.ask(`${at(name, directory)}${flags}`, { method: "PUT", body }));
        assertUntouched();
      });
    }
  }
  const gentle = "&noOverwriteDirNonDir=1&copyUIDGID=1";
  const targets = [
    ["/", ""],
    ["/vol", gentle],
    ["/bound", ""],
    ["/bound/absolute", gentle],
    ["/vol/absolute/sub", ""],
    ["/absolute", gentle],
  ] as const;
  const placed = (path: string): string =>
    path.replace("/DECOY", world.decoy).replace("DECOY", world.decoy.slice(1));

  test("hostile: what is mounted read-only, and a root that is, cannot be written to", async () => {
    for (const [path, message] of [
      ["/ro", "mounted volume is marked read-only"],
      ["/vol/../ro/sub", "mounted volume is marked read-only"],
      ["/lone", "extraction point is not a directory"],
    ] as const) {
      if (path.endsWith("sub")) await put("stopped", "/vol", tar);
      const { status, text } = await put("stopped", path, tar);
      assert.deepEqual([status, JSON.parse(text)], [400, { message }]);
    }
    await host.create(
      { Cmd: ["x"], HostConfig: { NetworkMode: "none", ReadonlyRootfs: true, Binds: ["vol:/vol"] } },
      "quiet",
    );
    const { text } = await put("quiet", "/etc", tar);
    assert.deepEqual(JSON.parse(text), { message: "container rootfs is marked read-only" });
    assert.equal((await put("quiet", "/vol", tar)).status, 200);
  });

  test("hostile: an extended attribute without end is refused, as is a name", async () => {
    const huge = Buffer.alloc(2 << 20, "x");
    const attributes = new Map([["user.x", huge]]);
    const long = tarFile({ path: "a/".repeat(3000) + "x" }, "");
    for (const file of [
      { ...tarFile({ path: "f" }), entry: { ...tarFile({ path: "f" }).entry, xattrs: attributes } },
      long,
    ]) {
      const { status, text } = await put("stopped", "/tmp", tarOf([file]));
      assert.ok(status >= 400, text);
      assert.doesNotMatch(text, /internal error/);
    }
  });

  test("hostile: what a running container swaps while it is copied leads nowhere", async () => {
    const { connection } = await host.hijack("/containers/running/attach?stream=1&stdin=1");
    connection.write("go\n");
    const one = tarOf([tarFile({ path: "victim" }, "evil"), tarFile({ path: "sub/victim" }, "evil")]);
    const two = tarOf([
      tarFile({ path: "swap/victim" }, "evil"),
      tarFile({ path: "swap/sub/victim" }, "evil"),
    ]);
    const rounds = unlessAll === false ? 500 : 10;
    for (let round = 0; round < rounds; round++)
      for (const answer of await Promise.all([
        host.ask(at("running", "/swap")),
        host.ask(at("running", "/swap/victim")),
        host.ask(at("running", "/swap/.")),
        put("running", "/swap", one),
        put("running", "/", two),
        host.ask(at("running", "/swap/victim"), { method: "HEAD" }),
      ]).catch(reset))
        assertHarmless(answer);
    connection.destroy();
    assertUntouched();
  });

  /** An answer that has begun can only break off. */
  function reset(error: unknown): [] {
    assert.match(String(error), /aborted|ECONNRESET|hang up/);
    return [];
  }
});
