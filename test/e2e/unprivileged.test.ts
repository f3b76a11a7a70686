/** varve as an ordinary user: the same digests and archives as root has (B102), on vfs and in a user namespace. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { tarFile, tarOf, type PackedFile } from "../support/tar_help.ts";
import { overlaySkip } from "../suites/overlay_skip.ts";
import { scratch, unlessLinux, unlessRoot } from "../suites/scratch.ts";
import { hostileImage } from "../fixtures/hostile/hostile_image.ts";
import { hostileRegistry } from "../fixtures/hostile/hostile_registry.ts";
import { assertOneError } from "../fixtures/hostile/world.ts";
import { Home, namespaceSkip } from "./ordinary_user.ts";
import { json, varveOn } from "./support.ts";

const dir = (path: string, mode = 0o755, uid = 0): PackedFile =>
  tarFile({ path, type: "directory", mode, uid, gid: uid });
// cap_net_raw+ep, revision 2 (linux/capability.h).
const capability = Buffer.from("0100000200200000000000000000000000000000", "hex");
const layers = [
  // What an ordinary user cannot make, own or even look into.
  tarOf([
    dir("bin"),
    tarFile({ path: "bin/su", mode: 0o4755 }, "su"),
    tarFile({ path: "bin/ping", xattrs: new Map([["security.capability", capability]]) }, "ping"),
    dir("closed", 0o000, 1234),
    tarFile({ path: "closed/secret", mode: 0o000, uid: 1234, gid: 3_000_000 }, "secret"),
    dir("read-only", 0o555),
    tarFile({ path: "read-only/file", mode: 0o444 }, "file"),
    dir("dev"),
    tarFile({ path: "dev/null", type: "char", devMajor: 1, devMinor: 3, mode: 0o666 }),
    tarFile({ path: "dev/fifo", type: "fifo" }),
    tarFile({ path: "one" }, "linked"),
    tarFile({ path: "two", type: "hardlink", linkPath: "one" }),
    tarFile({ path: "link", type: "symlink", linkPath: "/closed/secret", mode: 0o777 }),
    tarFile({ path: "gone/file" }, "gone"),
  ]),
  tarOf([
    tarFile({ path: ".wh.gone" }),
    dir("read-only", 0o555),
    tarFile({ path: "read-only/more", mode: 0o400 }, "more"),
    dir("closed", 0o000, 1234),
    tarFile({ path: "closed/more", mode: 0o000 }, "more"),
    tarFile({ path: "one", mode: 0o4711, uid: 7 }, "changed"),
  ]),
];

for (const driver of ["vfs", "overlay2"] as const) {
  test(
    `B102 an ordinary user has root's digests: ${driver}`,
    { skip: driver === "vfs" ? unlessLinux : namespaceSkip },
    async (t) => {
      using directory = scratch("unprivileged");
      const home = new Home(directory.path, { env: { VARVE_DRIVER: driver } });
      await using registry = await hostileRegistry();
      const image = hostileImage(layers.map((tar) => ({ tar })));
      const name = await registry.publish("image", image);
      const { config } = json<{ config: { digest: string } }>(image.manifest);
      const archive = join(home.path, "image.tar");

      await t.test("pull, images, history, tree, inspect, system df, info", async () => {
        await home.say("pull", name);
        assert.equal(await home.say("images", "--no-trunc", "-q"), config.digest);
        assert.match(await home.say("history", name), /step 1[\s\S]*step 0/);
        assert.match(await home.say("tree"), new RegExp(`${registry.address}/image:1`));
        const [inspected] = json<{ GraphDriver: { Name: string }; RootFS: { Layers: string[] } }[]>(
          await home.say("inspect", name),
        );
        assert.equal(inspected?.GraphDriver.Name, driver);
        assert.equal(inspected?.RootFS.Layers.length, 2);
        assert.match(await home.say("system", "df"), /Images\s+1 /);
        assert.match(await home.say("info"), new RegExp(`Storage Driver: ${driver}`));
      });

      await t.test("save, rmi, load: digests hold though owners and devices could not be made", async () => {
        await home.say("save", "-o", archive, name);
        assert.equal(await home.say("system", "check", "--deep"), "no problems found");
        assert.match(await home.say("rmi", name), new RegExp(`Deleted: ${config.digest}`));
        assert.equal(await home.say("images", "-q"), "");
        assert.equal(await home.say("load", "-q", "-i", archive), `Loaded image: ${name}`);
        assert.equal(await home.say("images", "--no-trunc", "-q"), config.digest);
      });

      await t.test("push: the registry gets the image that it gave", async () => {
        const copy = `${registry.address}/pushed:1`;
        await home.say("tag", name, copy);
        await home.say("push", copy);
        await home.say("rmi", copy, name);
        await home.say("pull", "-q", copy);
        assert.equal(await home.say("images", "--no-trunc", "-q"), config.digest);
        await home.say("tag", copy, name);
      });

      await t.test("import, create, cp, diff, export, commit, rm", async () => {
        const imported = await home.run(["import", "-", "imported:1"], layers[0]);
        assert.equal(imported.code, 0, imported.stderr);
        await home.say("create", "--name", "work", name, "/bin/su");
        writeFileSync(join(home.path, "file"), "mine");
        await home.say("cp", join(home.path, "file"), "work:/added");
        assert.equal(await home.say("diff", "work"), "A /added");
        await home.say("export", "-o", join(home.path, "flat.tar"), "work");
        await home.say("commit", "work", "committed:1");
        await home.say("rm", "work");
        const [base, committed] = await Promise.all(
          [name, "committed:1"].map(async (each) =>
            home.say("inspect", "-f", "{{json .RootFS.Layers}}", each),
          ),
        );
        assert.deepEqual(json<string[]>(committed ?? "").slice(0, 2), json<string[]>(base ?? ""));
        assert.equal(json<string[]>(committed ?? "").length, 3);
        assert.equal(await home.say("system", "check", "--deep"), "no problems found");
        await home.say("rmi", "committed:1", "imported:1");
      });

      await t.test(
        "run says what it needs",
        { skip: driver !== "vfs" && "other drivers run containers in a user namespace" },
        async () => {
          const outcome = await home.run(["run", "--rm", name, "/bin/su"]);
          assert.equal(outcome.code, 125);
          assertOneError({ ...outcome, code: 1 }, /cannot run a container as an ordinary user: /);
          assert.equal(await home.say("ps", "-aq"), "");
        },
      );

      await t.test(
        "B102 archives are those of root on overlay2, byte for byte",
        { skip: unlessRoot || overlaySkip },
        async () => {
          const root = varveOn(join(directory.path, "root"), "overlay2");
          await root("load", "-i", archive);
          assert.equal(await root("images", "--no-trunc", "-q"), config.digest);
          const again = join(directory.path, "again.tar");
          await root("save", "-o", again, name);
          assert.ok(readFileSync(again).equals(readFileSync(archive)));
        },
      );

      await t.test("everything goes again", async () => {
        await home.say("rmi", "-f", config.digest);
        assert.equal(await home.say("images", "-aq"), "");
        assert.equal(await home.say("system", "gc"), "Total reclaimed space: 0B");
        assert.equal(await home.say("system", "check"), "no problems found");
      });
    },
  );
}
