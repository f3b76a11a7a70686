/** `pull` and `push` of the bundled CLI against docker-registry, with images that dockerd pushed and pulls. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { compareTrees } from "../../src/layer/index.ts";
import { startDockerd } from "../suites/dockerd.ts";
import { scratch } from "../suites/scratch.ts";
import {
  assertSame,
  besideDockerdSkip,
  dockerOn,
  json,
  makeBase,
  runSkip,
  startRegistry,
  unless,
  varveOn,
  writeExamples,
  type Program,
  type Registry,
} from "./support.ts";

const inspected = async (from: Program, image: string, format: string): Promise<string> =>
  from("inspect", "-f", format, image);

/** The image's layers as one read-only tree, for as long as `look` takes. */
function withTree<T>(data: Record<string, string>, at: string, look: (path: string) => T): T {
  fs.mkdirSync(at);
  const lower = [data["UpperDir"], ...(data["LowerDir"]?.split(":") ?? [])];
  // overlay wants two directories at least.
  fs.mkdirSync(`${at}.empty`);
  execFileSync("mount", [
    "-t",
    "overlay",
    "-o",
    `ro,lowerdir=${[...lower, `${at}.empty`].join(":")}`,
    "overlay",
    at,
  ]);
  try {
    return look(at);
  } finally {
    execFileSync("umount", [at]);
  }
}

const graphData = async (from: Program, image: string): Promise<Record<string, string>> =>
  json<Record<string, string>>(await inspected(from, image, "{{json .GraphDriver.Data}}"));

/** Lines of a pull or push without those of one layer, and the last status of each layer. */
function summary(printed: string): { rest: string[]; layers: Record<string, string> } {
  const rest: string[] = [];
  const layers: Record<string, string> = {};
  for (const line of printed.split("\n")) {
    const [, id, status] = /^([0-9a-f]{12}): (.*)$/.exec(line) ?? [];
    if (id === undefined || status === undefined) rest.push(line);
    else layers[id] = status;
  }
  return { rest, layers };
}

test("pull and push beside dockerd", { skip: besideDockerdSkip || unless("docker-registry") }, async (t) => {
  using directory = scratch("transfers");
  await using registry = await startRegistry(directory.path);
  await using daemon = await startDockerd(directory.path, "overlay2");
  const docker = dockerOn(directory.path);
  const varve = varveOn(join(directory.path, "ours"));
  const [base, app] = [`${registry.address}/base:1`, `${registry.address}/team/app:2`];
  await docker("import", "-c", 'CMD ["sh"]', makeBase(directory.path, { id: "base" }), base);
  writeExamples(directory.path, base);
  await docker("build", "-q", "--network", "none", "-t", app, join(directory.path, "B"));
  for (const image of [base, app]) await docker("push", "-q", image);

  await t.test("B112 B122 B123 the lines of a pull are dockerd's; each step is asked for once", async () => {
    registry.forget();
    const ours = await varve("pull", base);
    const asked = registry.requests();
    const digest = (await inspected(docker, base, "{{index .RepoDigests 0}}")).split("@")[1] as string;
    assert.deepEqual(asked.slice(0, 3), [
      "GET /v2/",
      "HEAD /v2/base/manifests/1",
      `GET /v2/base/manifests/${digest}`,
    ]);
    assert.equal(asked.filter((request) => request.startsWith("GET /v2/base/blobs/")).length, 2);
    const { rest, layers } = summary(ours);
    assert.deepEqual(rest, [
      "1: Pulling from base",
      `Digest: ${digest}`,
      `Status: Downloaded newer image for ${base}`,
      base,
    ]);
    assert.deepEqual(Object.values(layers), ["Pull complete"]);
    const [id = ""] = Object.keys(layers);
    const steps = ["Pulling fs layer", "Verifying Checksum", "Download complete", "Pull complete"];
    assert.deepEqual(
      ours.split("\n").filter((line) => line.startsWith(id)),
      steps.map((step) => `${id}: ${step}`),
    );
  });

  await t.test("B116 a layer that is here is known before any download", async () => {
    registry.forget();
    const { layers } = summary(await varve("pull", app));
    const blobs = registry.requests().filter((request) => request.includes("/blobs/"));
    // Six layers and the config.
    assert.equal(blobs.length, 7);
    const statuses = Object.values(layers).sort();
    assert.deepEqual(statuses, ["Already exists", ...Array<string>(6).fill("Pull complete")]);
    await docker("rmi", app);
    const theirs = summary(await docker("pull", app));
    assert.deepEqual(Object.keys(theirs.layers).sort(), Object.keys(layers).sort());
  });

  await t.test(
    "B114 B123 what is up to date costs a HEAD; an image that is here under another name no blob",
    async () => {
      await varve("tag", app, "kept");
      await assertSame(varve, docker, ["pull", app]);
      await assertSame(varve, docker, ["pull", "-q", app]);
      const digest = await inspected(docker, app, "{{index .RepoDigests 0}}");
      await assertSame(varve, docker, ["pull", digest]);
      await docker("tag", app, "kept");
      for (const from of [varve, docker]) await from("rmi", app);
      registry.forget();
      assert.equal(await varve("pull", app), await docker("pull", app));
      assert.deepEqual(
        registry.requests().filter((request) => request.includes("/blobs/")),
        [],
      );
      registry.forget();
      await varve("pull", app);
      assert.deepEqual(registry.requests(), ["GET /v2/", "HEAD /v2/team/app/manifests/2"]);
    },
  );

  await t.test("B053 chain ids, diff ids, image ids and the whole tree are dockerd's", async () => {
    for (const image of [base, app]) {
      const format = "{{.Id}} {{json .RootFS.Layers}} {{.Size}} {{json .RepoDigests}}";
      assert.equal(await inspected(varve, image, format), await inspected(docker, image, format));
      const [ours, theirs] = [await graphData(varve, image), await graphData(docker, image)];
      const at = (name: string): string =>
        join(directory.path, `tree-${image === base ? "base" : "app"}-${name}`);
      const differences = withTree(ours, at("ours"), (a) =>
        withTree(theirs, at("theirs"), (b) => compareTrees(a, b)),
      );
      assert.deepEqual(differences, []);
    }
    const chains = (root: string): string[] =>
      fs.readdirSync(join(root, "image/overlay2/layerdb/sha256")).sort();
    assert.deepEqual(chains(join(directory.path, "ours")), chains(daemon.root));
  });

  await t.test("B123 B124 failures are told in Docker's words", async () => {
    for (const args of [
      ["pull", `${registry.address}/team/app`],
      ["pull", `${registry.address}/missing:1`],
      ["push", `${registry.address}/missing:1`],
    ]) {
      const [ours, theirs] = [await varve.run(args), await docker.run(args)];
      assert.deepEqual([ours.code, ours.stdout], [theirs.code, theirs.stdout], args.join(" "));
      const text = theirs.stderr.replace("Error response from daemon: ", "").trimEnd();
      assert.equal(ours.stderr.split("\n")[0], `varve: ${text}`);
    }
  });

  await t.test(
    "B124 B126 B127 a push sends what is missing, mounts what another repository has",
    async () => {
      await varve("run", "--name", "work", app, "touch", "/new");
      const pushed = `${registry.address}/team/pushed:x`;
      await varve("commit", "work", pushed);
      registry.forget();
      const first = summary(await varve("push", pushed));
      const asked = registry.requests();
      const diffIds = json<string[]>(await inspected(varve, pushed, "{{json .RootFS.Layers}}"));
      const short = diffIds.map((diffId) => diffId.slice(7, 19));
      assert.deepEqual(Object.keys(first.layers).sort(), [...new Set(short)].sort());
      assert.equal(first.layers[short.at(-1) as string], "Pushed");
      for (const id of short.slice(0, -1))
        assert.match(first.layers[id] as string, /^Mounted from (base|team\/app)$/);
      assert.equal(first.rest[0], `The push refers to repository [${registry.address}/team/pushed]`);
      assert.match(first.rest.at(-1) as string, /^x: digest: sha256:[0-9a-f]{64} size: \d+$/);
      // Layers and config are sent, then the manifest.
      assert.equal(asked.filter((request) => request.startsWith("PATCH")).length, 2);
      assert.equal(asked.at(-1), "PUT /v2/team/pushed/manifests/x");
      assert.ok(asked.some((request) => /^POST .*\?(from|mount)=/.test(request)));

      registry.forget();
      const again = summary(await varve("push", pushed));
      assert.deepEqual(new Set(Object.values(again.layers)), new Set(["Layer already exists"]));
      assert.deepEqual(again.rest, first.rest);
      assert.doesNotMatch(registry.requests().join("\n"), /PATCH|POST/);
      await docker("pull", "-q", pushed);
      assert.equal(await inspected(docker, pushed, "{{.Id}}"), await inspected(varve, pushed, "{{.Id}}"));
      await assertSame(varve, docker, ["push", pushed], lastLine);
    },
  );

  await t.test("B122 B124 --json prints the stream of the Engine API", async () => {
    const other = varveOn(join(directory.path, "json"));
    const lines = (await other("--json", "pull", app)).split("\n").map((line) => json<Line>(line));
    assert.deepEqual(lines[0], { status: "Pulling from team/app", id: "2" });
    assert.ok(lines.some(({ status, id }) => status === "Pull complete" && /^[0-9a-f]{12}$/.test(id ?? "")));
    await other("tag", app, `${registry.address}/team/app:json`);
    const pushed = (await other("--json", "push", `${registry.address}/team/app:json`))
      .split("\n")
      .map((line) => json<Line>(line));
    assert.equal(
      pushed.at(-1)?.Digest,
      (await inspected(other, app, "{{index .RepoDigests 0}}")).split("@")[1],
    );
  });
});

interface Line {
  readonly status?: string;
  readonly id?: string;
  readonly Digest?: string;
}

const lastLine = (printed: string): string => printed.trimEnd().split("\n").at(-1) as string;

test(
  "pull from a registry that holds more than one image says",
  { skip: runSkip || unless("docker-registry") },
  async (t) => {
    using directory = scratch("transfers");
    await using registry = await startRegistry(directory.path);
    const varve = varveOn(join(directory.path, "ours"));
    const name = (tag: string): string => `${registry.address}/multi:${tag}`;
    const tar = makeBase(directory.path, { id: "base" });
    const manifests: object[] = [];
    for (const platform of ["linux/amd64", "linux/arm64/v8"]) {
      const tag = platform.split("/")[1] as string;
      await varve("import", "--platform", platform, "-m", platform, tar, name(tag));
      const { Digest: digest, Size: size } = json<{ Digest: string; Size: number }>(
        (await varve("--json", "push", name(tag))).split("\n").at(-1) as string,
      );
      const [os, architecture, variant] = platform.split("/");
      const mediaType = "application/vnd.docker.distribution.manifest.v2+json";
      manifests.push({
        mediaType,
        digest,
        size,
        platform: { os, architecture, ...(variant && { variant }) },
      });
    }
    const index = await put(registry, "multi", "all", manifests);

    await t.test("B113 the platform is chosen from the index, whose digest the name keeps", async () => {
      for (const [platform, architecture] of [
        ["linux/amd64", "amd64"],
        ["linux/arm64", "arm64"],
      ]) {
        const other = varveOn(join(directory.path, architecture as string));
        await other("pull", "--platform", platform as string, name("all"));
        assert.equal(await inspected(other, name("all"), "{{.Architecture}}"), architecture);
        assert.equal(
          await inspected(other, name("all"), "{{index .RepoDigests 0}}"),
          `${registry.address}/multi@${index}`,
        );
      }
      const { code, stderr } = await varve.run(["pull", "--platform", "linux/s390x", name("all")]);
      assert.deepEqual(
        [code, stderr.split("\n")[0]],
        [1, "varve: no matching manifest for linux/s390x in the manifest list entries"],
      );
    });

    await t.test(
      "B119 a manifest that does not hash to its digest is refused, and nothing stays",
      async () => {
        const digest = (await inspected(varve, name("amd64"), "{{index .RepoDigests 0}}")).split(
          "@",
        )[1] as string;
        const hex = digest.slice(7);
        const data = join(
          directory.path,
          "registry/docker/registry/v2/blobs/sha256",
          hex.slice(0, 2),
          hex,
          "data",
        );
        const manifest = fs.readFileSync(data, "utf8");
        fs.writeFileSync(data, manifest.replace('"size":', '"size": '));
        const other = varveOn(join(directory.path, "refuses"));
        const { code, stderr } = await other.run(["pull", `${registry.address}/multi@${digest}`]);
        assert.deepEqual([code, /manifest verification failed for digest/.test(stderr)], [1, true], stderr);
        assert.equal(await other("images", "-aq"), "");
        fs.writeFileSync(data, manifest);
        await other("pull", "-q", `${registry.address}/multi@${digest}`);
      },
    );
  },
);

/** Pushes a manifest list. @returns its digest */
async function put(
  registry: Registry,
  repository: string,
  tag: string,
  manifests: readonly object[],
): Promise<string> {
  const mediaType = "application/vnd.docker.distribution.manifest.list.v2+json";
  const body = JSON.stringify({ schemaVersion: 2, mediaType, manifests });
  const response = await fetch(`http://${registry.address}/v2/${repository}/manifests/${tag}`, {
    method: "PUT",
    headers: { "content-type": mediaType },
    body,
  });
  assert.equal(response.status, 201, await response.text());
  return `sha256:${createHash("sha256").update(body).digest("hex")}`;
}
