/** A root that the bundled CLI wrote, opened by dockerd (20.10): images, containers and names must be its own to it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { startDockerd } from "../suites/dockerd.ts";
import { scratch } from "../suites/scratch.ts";
import {
  assertSame,
  besideDockerdSkip,
  dockerOn,
  makeBase,
  sortLines,
  startRegistry,
  unless,
  varveOn,
  type Program,
  type Registry,
} from "./support.ts";

const changes =
  "echo 4 > /data; rm /odd/owned; rm -r /odd/empty; mkdir /odd/empty; touch /odd/empty/in; ln /bin/cat /bin/cat2; " +
  "chmod 700 /etc/profile; mkdir -p /new/a; echo n > /new/a/b; mv /odd/one /new/one; exit 3";

const images = ["debian:12", "other", "committed:1", "twice", "loaded:oci", "loaded:docker"];

/** Every way in which varve takes an image in. @returns the name of the one that it pulled */
async function fill(varve: Program, directory: string, registry: string): Promise<string> {
  const debian = makeBase(directory, { id: "debian" });
  await varve("import", "-c", 'CMD ["sh"]', "-m", "a <base>", debian, "debian:12");
  await varve("import", "-c", "USER nobody", makeBase(directory, { id: "other" }), "other");
  const ended = await varve.run(["run", "--name", "stopped", "debian:12", "sh", "-c", changes]);
  assert.deepEqual([ended.code, ended.stderr], [3, ""]);
  await varve("commit", "-a", "Jo <jo@x>", "-m", "a <message>", "-c", "ENV A=b", "stopped", "committed:1");
  await varve("run", "--name", "second", "committed:1", "sh", "-c", "rm /new/a/b; echo 2 > /data");
  await varve("commit", "-c", 'ENTRYPOINT ["cat"]', "-c", 'CMD ["/data"]', "second", "twice");
  await varve(
    "create",
    "--name",
    "made",
    "-e",
    "A=c",
    "-l",
    "x=y",
    "--memory",
    "64m",
    "committed:1",
    "echo",
    "a <&> b",
  );

  const elsewhere = varveOn(join(directory, "elsewhere"));
  await elsewhere("import", "-c", 'CMD ["sh"]', makeBase(directory, { id: "third" }), "base");
  await elsewhere.run(["run", "--name", "ran", "base", "sh", "-c", changes]);
  for (const format of ["oci", "docker"]) {
    await elsewhere("commit", "-m", format, "ran", `loaded:${format}`);
    await elsewhere("save", "--format", format, "-o", join(directory, `${format}.tar`), `loaded:${format}`);
    await varve("load", "-i", join(directory, `${format}.tar`));
  }
  await elsewhere("rm", "ran");
  const pulled = `${registry}/pulled/image:1`;
  await elsewhere("commit", await elsewhere("create", "base"), pulled);
  await elsewhere("push", pulled);
  await varve("pull", pulled);
  return pulled;
}

test(
  "dockerd on a root that varve wrote",
  { skip: besideDockerdSkip || unless("docker-registry") },
  async (t) => {
    using directory = scratch("drop-in");
    await using registry = await startRegistry(directory.path);
    const root = join(directory.path, "root");
    const varve = varveOn(root, "overlay2");
    const pulled = await fill(varve, directory.path, registry.address);
    const all = [...images, pulled];

    await using daemon = await startDockerd(directory.path, "overlay2");
    assert.equal(daemon.root, root);
    const docker = dockerOn(directory.path);
    const same = (...args: string[]): Promise<void> => assertSame(varve, docker, args);

    await t.test("B155 dockerd lists varve's images, and varve still says the same", async () => {
      const listed = (await docker("images", "--format", "{{.Repository}}:{{.Tag}}")).split("\n").sort();
      assert.deepEqual(listed, all.map((name) => (/:\w+$/.test(name) ? name : `${name}:latest`)).sort());
      for (const flags of [["--digests"], ["-a", "--no-trunc"]])
        await assertSame(varve, docker, ["images", ...flags], sortLines);
    });

    await t.test("B058 B082 B084 B109 history and inspect of each are equal line by line", async () => {
      for (const image of all) await same("history", "--no-trunc", image);
      await same("history", "twice");
      await same("inspect", ...all);
    });

    await t.test("B086 B095 containers are equal, byte for byte", async () => {
      await same("ps", "-as");
      await same("ps", "-a", "--no-trunc", "--format", "{{json .}}");
      await same("inspect", "-s", "stopped", "second", "made");
      await assertSameChanges(varve, docker);
    });

    await t.test("B060 dockerd runs every image", async () => {
      const run = ["run", "--rm", "--network", "none", "--entrypoint", "cat"];
      const ids = new Map([
        ["other", "ID=other"],
        ["loaded:oci", "ID=third"],
        ["loaded:docker", "ID=third"],
        [pulled, "ID=third"],
      ]);
      for (const image of all)
        assert.equal(await docker(...run, image, "/etc/os-release"), ids.get(image) ?? "ID=debian", image);
      assert.equal(await docker("run", "--rm", "--network", "none", "twice"), "2");
    });

    await t.test(
      "B100 B129 dockerd saves and pushes every image; what arrives is the same image",
      async () => {
        const [ours, theirs] = ["ours.tar", "theirs.tar"].map((name) => join(directory.path, name)) as [
          string,
          string,
        ];
        for (const [index, image] of all.entries()) {
          await Promise.all([
            docker("save", "-o", theirs, image),
            varve("save", "--format", "docker", "-o", ours, image),
          ]);
          assert.ok(readFileSync(ours).equals(readFileSync(theirs)), `${image}: archives differ`);
          const name = `${registry.address}/from-dockerd/${index}:x`;
          await docker("tag", image, name);
          await docker("push", "-q", name);
          assert.deepEqual(await digestsOf(varve, name), await digestsOf(docker, name));
          assert.equal(await configOf(registry, `from-dockerd/${index}`), await idOf(docker, image), image);
        }
      },
    );

    await t.test("B129 dockerd's push of what varve pulled gives the digest that it came with", async () => {
      const before = await digestsOf(varve, pulled);
      await docker("push", "-q", pulled);
      assert.deepEqual(await digestsOf(docker, pulled), before);
    });

    await t.test(
      "B015 B094 dockerd starts, commits and removes varve's containers, and then the images",
      async () => {
        const { code, stderr } = await docker.run(["start", "-a", "stopped"]);
        assert.equal(code, 3, stderr);
        assert.equal(await docker("start", "-a", "made"), "a <&> b");
        await docker("commit", "stopped", "by/dockerd");
        assert.equal(await varve("run", "--rm", "by/dockerd", "cat", "/data"), "4");
        await docker("rm", "stopped", "second", "made");
        assert.match(await docker("image", "prune", "-af"), /untagged: by\/dockerd:latest\ndeleted: sha256:/);
        assert.equal(await varve("images", "-aq"), "");
        assert.equal(await varve("system", "check", "--deep"), "no problems found");
      },
    );
  },
);

/** Docker leaves the order of siblings open. */
async function assertSameChanges(varve: Program, docker: Program): Promise<void> {
  const theirs = (await docker("diff", "stopped")).split("\n");
  assert.ok(theirs.length > 10, theirs.join());
  assert.deepEqual(
    (await varve("diff", "stopped")).split("\n"),
    theirs.sort((a, b) => (a.slice(2) < b.slice(2) ? -1 : 1)),
  );
}

/** The image that tag `x` of a repository leads to. */
async function configOf(registry: Registry, repository: string): Promise<string> {
  const accept = "application/vnd.docker.distribution.manifest.v2+json";
  const url = `http://${registry.address}/v2/${repository}/manifests/x`;
  const manifest = (await (await fetch(url, { headers: { accept } })).json()) as {
    config: { digest: string };
  };
  return manifest.config.digest;
}

async function idOf(from: Program, image: string): Promise<string> {
  return from("inspect", "-f", "{{.Id}}", image);
}

async function digestsOf(from: Program, image: string): Promise<string[]> {
  return JSON.parse(await from("inspect", "-f", "{{json .RepoDigests}}", image)) as string[];
}

test("B155 the same under vfs", { skip: besideDockerdSkip }, async () => {
  using directory = scratch("drop-in");
  const root = join(directory.path, "root");
  const varve = varveOn(root, "vfs");
  const base = makeBase(directory.path, { id: "debian" });
  await varve("import", "-c", 'CMD ["sh"]', base, "debian:12");
  assert.equal((await varve.run(["run", "--name", "stopped", "debian:12", "sh", "-c", changes])).code, 3);
  await varve("commit", "stopped", "committed:1");

  await using daemon = await startDockerd(directory.path, "vfs");
  const docker = dockerOn(directory.path);
  assert.equal(daemon.root, root);
  for (const args of [
    ["history", "committed:1"],
    ["inspect", "debian:12", "committed:1", "stopped"],
    ["ps", "-as"],
  ])
    await assertSame(varve, docker, args);
  await assertSame(varve, docker, ["images"], sortLines);
  assert.equal(await docker("run", "--rm", "--network", "none", "committed:1", "cat", "/data"), "4");
  await assertSameChanges(varve, docker);
  await docker("save", "-o", join(directory.path, "theirs.tar"), "committed:1");
  const other = varveOn(join(directory.path, "other"), "overlay2");
  assert.equal(
    await other("load", "-q", "-i", join(directory.path, "theirs.tar")),
    "Loaded image: committed:1",
  );
  assert.equal(await idOf(other, "committed:1"), await idOf(docker, "committed:1"));
  await docker("rm", "stopped");
  assert.match(await docker("rmi", "committed:1"), /Deleted: sha256:.*\nDeleted: sha256:/);
  assert.equal(await varve("images", "--format", "{{.Repository}}"), "debian");
});
