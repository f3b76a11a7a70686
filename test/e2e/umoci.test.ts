/** An image that is mounted without being unpacked beside the same image unpacked by umoci. */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { openEngine } from "../../src/engine/index.ts";
import { compareTrees } from "../../src/layer/index.ts";
import { chainIds } from "../../src/oci/index.ts";
import { erofsSkip } from "../suites/erofs_skip.ts";
import { scratch } from "../suites/scratch.ts";
import { makeBase, program, runSkip, unless, varveOn } from "./support.ts";

const skip = runSkip || erofsSkip("file") || unless("umoci", "tar");

test("an image of several layers is what umoci unpacks", { skip }, async () => {
  using directory = scratch("umoci");
  const at = (name: string): string => join(directory.path, name);
  const root = at("root");
  const varve = varveOn(root, "erofs");
  await varve("import", makeBase(directory.path, { id: "base" }), "base:1");
  const change =
    "rm /etc/os-release; rm -r /var/lib; mkdir /var/lib; echo x > /var/lib/new; ln /bin/busybox /bin/again; chmod 700 /root; mv /odd /odder";
  await varve("run", "--name", "changed", "base:1", "sh", "-c", change);
  await varve("commit", "changed", "app:1");
  await varve("save", "--format", "oci", "-o", at("layout.tar"), "app:1");
  fs.mkdirSync(at("layout"));
  await program("tar")("-xf", at("layout.tar"), "-C", at("layout"));
  const index = JSON.parse(fs.readFileSync(at("layout/index.json"), "utf8")) as {
    manifests: { annotations?: Record<string, string> }[];
  };
  // umoci finds images by this annotation alone.
  index.manifests[0]!.annotations = { "org.opencontainers.image.ref.name": "app" };
  fs.writeFileSync(at("layout/index.json"), JSON.stringify(index));
  await program("umoci")("unpack", "--image", `${at("layout")}:app`, at("bundle"));

  const { store, images } = await openEngine({ root });
  const image = await images.resolve("app:1");
  const [, top] = chainIds(image.config.rootfs.diff_ids ?? []);
  const { cacheId } = (await store.layers.get(top!))!;
  await using mounted = await store.driver.mount(cacheId, { readOnly: true });
  const differences = await compareTrees(at("bundle/rootfs"), mounted.path);
  assert.deepEqual(differences, []);
});
