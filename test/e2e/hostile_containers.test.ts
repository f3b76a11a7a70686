/** Images whose symlinks lie where a container's own files, mounts and directories are to be: none leads out. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { tarFile, tarOf, type PackedFile } from "../support/tar_help.ts";
import { World } from "../fixtures/hostile/world.ts";
import { faultyDays } from "../suites/scratch.ts";
import { runSkip, varveOn } from "./support.ts";

const link = (path: string, linkPath: string): PackedFile => tarFile({ path, type: "symlink", linkPath });

interface Attack {
  readonly title: string;
  readonly links: (decoy: string) => PackedFile[];
  readonly flags?: (world: World) => string[];
  /** What `run` says on standard error; absent: the container runs. */
  readonly refused?: RegExp;
}

const attacks: readonly Attack[] = [
  { title: "/etc is a symlink out", links: (decoy) => [link("etc", decoy)] },
  { title: "/etc climbs out", links: (decoy) => [link("etc", `${"../".repeat(40)}${decoy.slice(1)}`)] },
  {
    title: "the placeholders are symlinks to files outside",
    links: (decoy) =>
      [".dockerenv", "etc/hosts", "etc/hostname", "etc/resolv.conf", "etc/mtab", "dev/console"].map((path) =>
        link(path, `${decoy}/victim`),
      ),
  },
  { title: "/dev is a symlink out", links: (decoy) => [link("dev", decoy)] },
  {
    title: "/dev/pts and /dev/shm are symlinks out",
    links: (decoy) => [link("dev/pts", `${decoy}/sub`), link("dev/shm", `${decoy}/sub`)],
  },
  { title: "/proc is a symlink out", links: (decoy) => [link("proc", `${decoy}/sub`)] },
  { title: "/sys is a symlink out", links: (decoy) => [link("sys", `${decoy}/sub`)] },
  {
    title: "the working directory lies below a symlink out",
    links: (decoy) => [link("out", decoy)],
    flags: () => ["-w", "/out/new/directory"],
    refused: /error during container init|mkdir/,
  },
  {
    title: "a mount point lies below a symlink out",
    links: (decoy) => [link("out", decoy)],
    flags: (world) => ["-v", `${world.path("volume")}:/out/new`],
  },
  {
    title: "a mount point is a symlink to a directory outside",
    links: (decoy) => [link("out", `${decoy}/sub`)],
    flags: (world) => ["-v", `${world.path("volume")}:/out`],
  },
  {
    title: "a mount point climbs out",
    links: () => [],
    flags: (world) => ["-v", `${world.path("volume")}:/../../../..${world.decoy}/new`],
  },
  {
    title: "the users are a file outside",
    links: (decoy) => [link("etc/passwd", `${decoy}/passwd`)],
    flags: () => ["-u", "outsider"],
    refused: /unable to find user outsider/,
  },
];

for (const driver of faultyDays) {
  test(`${driver}: B001 B013 nothing of a container leads out of its root`, { skip: runSkip }, async (t) => {
    using world = new World();
    world.plant("passwd", "outsider:x:0:0::/:/bin/sh\n");
    mkdirSync(world.path("volume"));
    writeFileSync(join(world.path("volume"), "mounted"), "");
    const varve = varveOn(world.root, driver);
    const busybox = readFileSync(
      execFileSync("sh", ["-c", "command -v busybox"], { encoding: "utf8" }).trim(),
    );
    // On vfs the container's root is a copy, with all its symlinks in place; the rest is the same on both.
    for (const [index, attack] of attacks.entries()) {
      if (driver === "overlay2" && index > 2) continue;
      await t.test(attack.title, async () => {
        const image = `hostile:${index}`;
        const tar = tarOf([tarFile({ path: "bin/sh", mode: 0o755 }, busybox), ...attack.links(world.decoy)]);
        assert.equal((await varve.run(["import", "-", image], { input: tar })).code, 0);
        const script =
          "for f in /etc/hosts /etc/hostname /dev/null /out/new/x; do echo evil > $f; done; echo evil > here";
        const outcome = await varve.run([
          "run",
          "--name",
          "work",
          ...(attack.flags?.(world) ?? []),
          image,
          "/bin/sh",
          "-c",
          script,
        ]);
        if (attack.refused === undefined) assert.equal(outcome.code, 0, outcome.stderr);
        else assert.match(outcome.stderr, attack.refused);
        world.assertUntouched("volume");
        await varve.run(["rm", "-f", "work"]);
        await varve("rmi", "-f", image);
        world.assertUntouched("volume");
      });
    }
    assert.equal(await varve("system", "check"), "no problems found");
    assert.equal(await varve("ps", "-aq"), "");
  });
}
