/** `save`, `load` against strangers: dockerd, podman, skopeo, containerd; archives of all generations, whole and damaged. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { startDockerd } from "../suites/dockerd.ts";
import { scratch } from "../suites/scratch.ts";
import {
  besideDockerdSkip,
  dockerOn,
  json,
  makeBase,
  program,
  runSkip,
  unless,
  varveOn,
  writeExamples,
  type Program,
} from "./support.ts";

const tar = program("tar");

/** Images in a root of varve's: a base, one more layer with deletions, and a third that has an entrypoint. */
async function fill(varve: Program, directory: string): Promise<void> {
  await varve("import", "-c", 'CMD ["sh"]', makeBase(directory, { id: "base" }), "base:1");
  const storm =
    "rm -r /odd/empty; mkdir /odd/empty; touch /odd/empty/in; rm /odd/owned; echo 1 > /one; chmod 700 /odd";
  await varve("run", "--name", "first", "base:1", "sh", "-c", storm);
  await varve("commit", "-m", "a <message> & more", "first", "registry.example/app/name:1.2");
  await varve(
    "run",
    "--name",
    "second",
    "registry.example/app/name:1.2",
    "sh",
    "-c",
    "rm /one; echo 2 > /two",
  );
  await varve("commit", "-c", 'ENTRYPOINT ["cat", "/two"]', "second", "top");
  await varve("rm", "first", "second");
}

/** One root with those images for all tests here, which change none of them. */
let shared: { readonly path: string; readonly varve: Program };

const idOf = (from: Program, image: string): Promise<string> => from("inspect", "-f", "{{.Id}}", image);

describe("archives", { skip: runSkip }, () => {
  const directory = new DisposableStack();
  before(async () => {
    const { path } = directory.use(scratch("archives"));
    shared = { path, varve: varveOn(join(path, "root")) };
    await fill(shared.varve, path);
  });
  after(() => directory.dispose());

  test("B098 B099 B100 a saved archive holds both old generations", { skip: runSkip }, async (t) => {
    using directory = scratch("archives");
    const { varve } = shared;
    const archive = join(directory.path, "top.tar");
    await varve("save", "--format", "v1", "-o", archive, "top");
    const at = (name: string): string => join(directory.path, "x", name);
    fs.mkdirSync(at(""));
    await tar("-xf", archive, "-C", at(""));
    const [top] = Object.values(
      json<Record<string, Record<string, string>>>(fs.readFileSync(at("repositories"), "utf8")),
    );

    await t.test("B098 parents lead from repositories to the base", () => {
      const stack: string[] = [];
      for (let id = top?.["latest"]; id !== undefined; id = layer(id).parent) stack.push(id);
      assert.equal(stack.length, 3);
      assert.deepEqual(
        stack.map((id) => fs.readFileSync(at(`${id}/VERSION`), "utf8")),
        ["1.0", "1.0", "1.0"],
      );
      const [head, ...lower] = stack.map(layer);
      assert.deepEqual(head?.config.Entrypoint, ["cat", "/two"]);
      for (const each of lower) assert.equal(each.created, "1970-01-01T00:00:00Z");
    });

    await t.test("B099 v1 IDs are the digests of what they stand for", async () => {
      const layers = json<string[]>(await varve("inspect", "-f", "{{json .RootFS.Layers}}", "top"));
      let [chain, parent] = ["", undefined as string | undefined];
      for (const [index, diffId] of layers.entries()) {
        chain = index === 0 ? diffId : sha256(`${chain} ${diffId}`);
        const id = fs
          .readdirSync(at(""))
          .find((name) => name.length === 64 && layer(name).parent === parent) as string;
        const { id: _id, parent: _parent, os, ...body } = layer(id) as Record<string, unknown> & V1;
        const isTop = index === layers.length - 1;
        const seen = {
          ...body,
          ...(isTop && { os }),
          layer_id: chain,
          ...(parent !== undefined && { parent: `sha256:${parent}` }),
        };
        assert.equal(sha256(goJson(seen)), `sha256:${id}`);
        parent = id;
      }
    });

    await t.test("B100 manifest.json names config and layers, bottom first", async () => {
      const [item] = json<{ Config: string; RepoTags: string[]; Layers: string[] }[]>(
        fs.readFileSync(at("manifest.json"), "utf8"),
      );
      const id = await idOf(varve, "top");
      assert.equal(item?.Config, `${id.slice(7)}.json`);
      assert.deepEqual(item?.RepoTags, ["top:latest"]);
      assert.equal(sha256(fs.readFileSync(at(item?.Config as string))), id);
      const digests = item?.Layers.map((path) => sha256(fs.readFileSync(at(path))));
      assert.deepEqual(
        digests,
        json<string[]>(await varve("inspect", "-f", "{{json .RootFS.Layers}}", "top")),
      );
    });

    await t.test("B103 the top layer.tar holds only what that layer changed", async () => {
      const path = at(`${top?.["latest"]}/layer.tar`);
      assert.equal(await tar("-tf", path), ".wh.one\ntwo");
    });

    function layer(id: string): V1 {
      return json<V1>(fs.readFileSync(at(`${id}/json`), "utf8"));
    }
  });

  interface V1 {
    readonly parent?: string;
    readonly created: string;
    readonly os: string;
    readonly config: { readonly Entrypoint: string[] };
  }

  const sha256 = (bytes: string | Uint8Array): string =>
    `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

  /** Go's compact JSON with the keys of the top sorted, which is all that these objects need. */
  function goJson(value: Record<string, unknown>): string {
    const sorted = Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
    return JSON.stringify(sorted).replace(/[<>&]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`);
  }

  test("load takes what save wrote, and refuses what was changed", { skip: runSkip }, async (t) => {
    using directory = scratch("archives");
    const { varve } = shared;
    const at = (name: string): string => join(directory.path, name);
    await varve("save", "-o", at("top.tar"), "top");

    await t.test("B102 saving what was loaded under another driver gives the same bytes", async () => {
      const other = varveOn(at("vfs"), "vfs");
      const names = ["top", "registry.example/app/name:1.2"];
      for (const format of ["oci", "docker"]) {
        await varve("save", "--format", format, "-o", at(format), ...names);
        const printed = await other("load", "-q", "-i", at(format));
        assert.deepEqual(printed.split("\n").sort(), [
          "Loaded image: registry.example/app/name:1.2",
          "Loaded image: top:latest",
        ]);
        await other("save", "--format", format, "-o", at(`${format}.again`), ...names);
        assert.ok(fs.readFileSync(at(format)).equals(fs.readFileSync(at(`${format}.again`))), format);
      }
    });

    await t.test(
      "B104 gzip, bzip2, xz and zstd around the archive, from a file and from a pipe",
      async () => {
        const id = await idOf(varve, "top");
        const formats = [
          ["gzip", "-1"],
          ["bzip2", "-1"],
          ["xz", "-0"],
          ["zstd", "-q"],
        ];
        for (const [index, [compress = "", ...flags]] of formats.entries()) {
          if (unless(compress) !== false) continue;
          await program(compress)(...flags, "-k", "-f", at("top.tar"));
          const [path = ""] = fs.readdirSync(at("")).filter((name) => name.startsWith("top.tar."));
          const other = varveOn(at(compress));
          // What the bytes are is found out alike for both; two of each will do.
          const pipe = index % 2 === 1;
          const args = ["load", "-q", ...(pipe ? [] : ["-i", at(path)])];
          const loaded = await other.run(args, pipe ? { input: fs.readFileSync(at(path)) } : {});
          assert.deepEqual(loaded, { code: 0, stdout: "Loaded image: top:latest\n", stderr: "" });
          assert.equal(await idOf(other, "top"), id);
          for (const name of [path, compress]) fs.rmSync(at(name), { recursive: true });
        }
      },
    );

    await t.test("B105 an image without a name, and a name that moves", async () => {
      const other = varveOn(at("moved"));
      const id = await idOf(varve, "top");
      await varve("save", "-o", at("id.tar"), id);
      assert.equal(await other("load", "-q", "-i", at("id.tar")), `Loaded image ID: ${id}`);
      const base = await idOf(varve, "base:1");
      await other("import", join(shared.path, "base.tar"), "top");
      const old = await idOf(other, "top");
      assert.notEqual(old, base);
      assert.deepEqual((await other("load", "-q", "-i", at("top.tar"))).split("\n"), [
        `The image top:latest already exists, renaming the old one with ID ${old} to empty string`,
        "Loaded image: top:latest",
      ]);
      assert.deepEqual(
        [await idOf(other, "top"), await other("images", "-qf", "dangling=true")],
        [id, old.slice(7, 19)],
      );
    });

    await t.test(
      "B106 a flipped byte in a layer is refused by number, and nothing becomes visible",
      async () => {
        const bytes = fs.readFileSync(at("top.tar"));
        // The content of /two in the top layer: its own bytes appear nowhere else.
        await varve("save", "--format", "docker", "-o", at("flipped"), "top");
        const flipped = fs.readFileSync(at("flipped"));
        const header = flipped.indexOf("\0two\0") + 1;
        assert.equal(flipped.toString("latin1", header + 512, header + 514), "2\n");
        flipped[header + 512] = 0x33;
        assert.notDeepEqual(flipped, bytes);
        fs.writeFileSync(at("flipped"), flipped);
        const other = varveOn(at("refuses"));
        const { code, stdout, stderr } = await other.run(["load", "-q", "-i", at("flipped")]);
        assert.deepEqual([code, stdout], [1, ""]);
        assert.match(
          stderr,
          /^varve: invalid diffID for layer 2: expected "sha256:[0-9a-f]{64}", got "sha256:[0-9a-f]{64}"\n/,
        );
        assert.equal(await other("images", "-aq"), "");
        assert.equal(await other("system", "check", "--deep"), "no problems found");
        await other("system", "gc");
        assert.deepEqual(fs.readdirSync(join(at("refuses"), "overlay2")), ["l"]);
      },
    );

    await t.test("B106 no archive, half an archive, no file", async () => {
      const other = varveOn(at("refuses"));
      const whole = fs.readFileSync(at("top.tar"));
      const fails = async (input: Uint8Array, words: RegExp): Promise<void> => {
        const { code, stderr } = await other.run(["load"], { input });
        assert.deepEqual([code, words.test(stderr)], [1, true], stderr);
      };
      await fails(Buffer.from("not a tar"), /^varve: .*(tar|archive)/);
      await fails(fs.readFileSync(join(shared.path, "base.tar")), /^varve: not an image archive/);
      await fails(whole.subarray(0, whole.length >> 1), /^varve: /);
      const { code, stderr } = await other.run(["load", "-i", at("missing")]);
      assert.deepEqual([code, /missing/.test(stderr)], [1, true], stderr);
      assert.equal(await other("images", "-aq"), "");
    });
  });

  test(
    "archives to and from podman and skopeo",
    { skip: runSkip || unless("podman", "skopeo") },
    async (t) => {
      using directory = scratch("archives");
      const at = (name: string): string => join(directory.path, name);
      const { varve } = shared;
      const id = await idOf(varve, "top");
      const podman = program(
        "podman",
        "--root",
        at("podman"),
        "--runroot",
        at("podman-run"),
        "--storage-driver",
        "vfs",
      );
      const skopeo = program("skopeo");

      await t.test("B110 podman loads both forms, with the image ID", async () => {
        for (const format of ["oci", "docker"]) {
          await varve("save", "--format", format, "-o", at(format), "top");
          await podman("load", "-q", "-i", at(format));
          assert.equal(`sha256:${await podman("image", "inspect", "-f", "{{.Id}}", "top")}`, id, format);
          if (format === "oci") await podman("rmi", "-a", "-f");
        }
      });

      const layers = await varve("inspect", "-f", "{{json .RootFS.Layers}}", "top");

      /** Loads an archive that may have another config, since a conversion to OCI drops Docker's own fields. */
      async function loads(file: string, name: string): Promise<void> {
        const other = varveOn(at(`from-${file}`));
        const printed = await other("load", "-q", "-i", at(file));
        assert.match(printed, new RegExp(`^Loaded image(: ${name}| ID: sha256:[0-9a-f]{64})$`));
        const image = printed.replace(/^Loaded image(?: ID)?: /, "");
        const kind = file === "docker-archive" ? "docker-archive" : "oci-archive";
        const manifest = await skopeo("inspect", "--raw", `${kind}:${at(file)}`);
        const { config } = json<{ config: { digest: string } }>(manifest);
        assert.equal(await idOf(other, image), config.digest, file);
        assert.equal(await other("inspect", "-f", "{{json .RootFS.Layers}}", image), layers, file);
      }

      await t.test("B104 what podman saves loads here", async () => {
        for (const format of ["docker-archive", "oci-archive"]) {
          await podman("save", "-q", "--format", format, "-o", at(format), "top");
          await loads(format, "localhost/top:latest");
        }
        await podman("rmi", "-a", "-f");
      });

      await t.test("B104 B110 skopeo copies from our archive, and what it writes loads here", async () => {
        await skopeo("copy", "-q", `oci-archive:${at("oci")}`, `oci:${at("layout")}:top`);
        await skopeo("copy", "-q", `docker-archive:${at("docker")}`, `oci-archive:${at("skopeo.tar")}:app:3`);
        await tar("-cf", at("layout.tar"), "-C", at("layout"), ".");
        await loads("skopeo.tar", "app:3");
        await loads("layout.tar", "none");
        assert.equal(await varveOn(at("from-layout.tar"))("images", "-q", "--no-trunc"), id);
      });
    },
  );

  test("archives to and from dockerd", { skip: besideDockerdSkip }, async (t) => {
    using directory = scratch("archives");
    const at = (name: string): string => join(directory.path, name);
    const { varve } = shared;
    await using daemon = await startDockerd(directory.path, "overlay2");
    const docker = dockerOn(directory.path);

    await t.test("B101 B104 docker load takes both forms", async () => {
      for (const format of ["oci", "docker"]) {
        await varve("save", "--format", format, "-o", at(format), "top", "registry.example/app/name:1.2");
        const printed = (await docker("load", "-q", "-i", at(format))).split("\n").sort();
        assert.deepEqual(printed, [
          "Loaded image: registry.example/app/name:1.2",
          "Loaded image: top:latest",
        ]);
        for (const image of ["top", "registry.example/app/name:1.2"])
          assert.equal(await idOf(docker, image), await idOf(varve, image));
        assert.equal(await docker("run", "--rm", "--network", "none", "top"), "2");
        if (format === "oci") await docker("rmi", "top", "registry.example/app/name:1.2");
      }
    });

    await t.test(
      "B104 what docker saves loads here: several images, seven layers, one of them twice",
      async () => {
        writeExamples(directory.path, "registry.example/app/name:1.2");
        await docker("build", "-q", "--network", "none", "-t", "repository:layer", at("B"));
        const twice = { input: "FROM scratch\nCOPY layer1 /\nCOPY layer2 /\nCOPY layer1 /\n" };
        await docker.run(["build", "-q", "-t", "twice", "-f", "-", at("B")], twice);
        await docker("save", "-o", at("docker.tar"), "repository:layer", "twice");
        const printed = (await varve("load", "-q", "-i", at("docker.tar"))).split("\n").sort();
        assert.deepEqual(printed, ["Loaded image: repository:layer", "Loaded image: twice:latest"]);
        for (const image of ["repository:layer", "twice"]) {
          assert.equal(await idOf(varve, image), await idOf(docker, image));
          assert.equal(await varve("inspect", "-f", "{{.Parent}}", image), "");
        }
        assert.equal(await varve("run", "--rm", "repository:layer", "cat", "/data/layer/layer3"), "3");
      },
    );

    await t.test(
      "B107 an archive of generation 1 alone gives the images that docker makes of it",
      async () => {
        fs.mkdirSync(at("v1"));
        await docker("save", "-o", at("docker.tar"), "repository:layer");
        await tar("-xf", at("docker.tar"), "-C", at("v1"));
        for (const name of fs.readdirSync(at("v1")))
          if (name.endsWith(".json")) fs.rmSync(join(at("v1"), name));
        await tar("-cf", at("v1.tar"), "-C", at("v1"), ...fs.readdirSync(at("v1")));
        const original = await idOf(docker, "repository:layer");
        const layers = await docker("inspect", "-f", "{{json .RootFS.Layers}}", "repository:layer");
        const other = varveOn(at("from-v1"));
        const last = (await other("load", "-q", "-i", at("v1.tar"))).split("\n").at(-1);
        assert.equal(last, "Loaded image: repository:layer");
        await docker("load", "-q", "-i", at("v1.tar"));
        assert.equal(await idOf(other, "repository:layer"), await idOf(docker, "repository:layer"));
        assert.notEqual(await idOf(other, "repository:layer"), original);
        assert.equal(await other("inspect", "-f", "{{json .RootFS.Layers}}", "repository:layer"), layers);
        const chain = async (from: Program): Promise<string[]> => {
          const ids: string[] = [];
          for (let id = "repository:layer"; id !== ""; id = await from("inspect", "-f", "{{.Parent}}", id))
            ids.push(id);
          return ids;
        };
        const theirs = await chain(docker);
        assert.equal(theirs.length, 8);
        assert.deepEqual(await chain(other), theirs);
      },
    );

    await t.test("B106 both refuse a flipped byte in the same words", async () => {
      await docker("save", "-o", at("docker.tar"), "twice");
      const flipped = fs.readFileSync(at("docker.tar"));
      const header = flipped.indexOf("layer2\0");
      flipped[flipped.indexOf("2\n", header + 512)] = 0x33;
      fs.writeFileSync(at("docker.tar"), flipped);
      await docker("rmi", "twice");
      const theirs = await docker.run(["load", "-q", "-i", at("docker.tar")]);
      const other = varveOn(at("refuses"));
      const ours = await other.run(["load", "-q", "-i", at("docker.tar")]);
      const text = /invalid diffID for layer \d: expected "\S+", got "\S+"/;
      assert.equal(text.exec(ours.stderr)?.[0], text.exec(theirs.stderr)?.[0]);
      assert.match(ours.stderr, text);
      assert.equal(await other("images", "-aq"), "");
    });

    await t.test(
      "B103 an image without layers, which docker refuses to save, makes the round trip",
      async () => {
        await docker.run(["build", "-q", "-t", "no-layers", "-"], { input: "FROM scratch\nENV X=1\n" });
        assert.match((await docker.run(["save", "no-layers"])).stderr, /empty export - not implemented/);
        const here = varveOn(daemon.root);
        for (const format of ["oci", "docker"]) {
          await here("save", "--format", format, "-o", at("none.tar"), "no-layers");
          const other = varveOn(at(`none-${format}`));
          assert.equal(await other("load", "-q", "-i", at("none.tar")), "Loaded image: no-layers:latest");
          assert.equal(await idOf(other, "no-layers"), await idOf(docker, "no-layers"));
        }
      },
    );

    await t.test(
      "B110 containerd imports our archive and its export loads here",
      { skip: unless("ctr") },
      async () => {
        const ctr = program(
          "ctr",
          "-a",
          join(directory.path, "exec/containerd/containerd.sock"),
          "-n",
          "varve",
        );
        await varve("save", "-o", at("oci"), "top");
        await ctr("images", "import", "--no-unpack", at("oci"));
        assert.match(await ctr("images", "ls", "-q"), /^docker\.io\/library\/top:latest$/m);
        await ctr("images", "export", at("ctr.tar"), "docker.io/library/top:latest");
        const other = varveOn(at("from-ctr"));
        assert.match(await other("load", "-q", "-i", at("ctr.tar")), /^Loaded image: top:latest$/m);
        assert.equal(await idOf(other, "top"), await idOf(varve, "top"));
      },
    );
  });
});
