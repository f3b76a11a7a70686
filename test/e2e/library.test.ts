/** varve as a library, as README.md shows it: unprivileged, with the driver vfs and a registry in this process. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { openEngine, type Engine } from "../../src/engine/index.ts";
import { listImage, readImageFile } from "../../src/image/index.ts";
import { serveRegistry } from "../../src/registry/index.ts";
import type { StoredImage } from "../../src/store/index.ts";
import { sampleLayer } from "../fixtures/sample_image.ts";
import { scratch, unlessLinux } from "../suites/scratch.ts";

const checkout = join(import.meta.dirname, "../..");
const { signal } = new AbortController();

/** README's lines under "As a library", with this machine's addresses in them. */
function snippet(replaced: Readonly<Record<string, string>>): string {
  const readme = readFileSync(join(checkout, "README.md"), "utf8");
  const code = /## As a library\n+```ts\n([\s\S]*?)```/.exec(readme)?.[1];
  assert.ok(code !== undefined, "README has its snippet");
  return Object.entries(replaced).reduce((text, [from, to]) => {
    assert.ok(text.includes(from), `the snippet has ${from}`);
    return text.replaceAll(from, to);
  }, code);
}

const source = (path: string): string => JSON.stringify(pathToFileURL(join(checkout, "src", path)).href);

/** An engine on an empty root of the driver that anyone can use. */
const vfs = (root: string): Promise<Engine> => openEngine({ root, driver: "vfs" });

interface Ran {
  readonly engine: Engine;
  readonly image: StoredImage;
  readonly next: StoredImage;
  readonly release: Uint8Array;
}

test("README's lines run: pull, read a file, append a layer, push", { skip: unlessLinux }, async () => {
  using dir = scratch("library");
  await using registry = await serveRegistry({ storage: "memory" });
  const [from, to] = [`${registry.address}/alpine:3.20`, `${registry.address}/hello:1`];
  const publisher = await vfs(join(dir.path, "publisher"));
  const base = await sampleLayer({ "etc/": "", "etc/os-release": "ID=alpine\n", "srv/": "" });
  const made = await publisher.images.import(bytesOf(base.tar), { signal });
  await publisher.images.tag(made.id, from);
  await publisher.images.push(from, { signal });

  const code = snippet({
    '"varve/image"': source("image/index.ts"),
    '"varve"': source("engine/index.ts"),
    '"/var/lib/varve"': `${JSON.stringify(join(dir.path, "user"))}, driver: "vfs"`,
    "alpine:3.20": from,
    "127.0.0.1:5000/hello:1": to,
  });
  const file = join(dir.path, "snippet.ts");
  writeFileSync(file, `${code}\nexport { engine, image, next, release };\n`);
  const { image, next, release } = (await import(pathToFileURL(file).href)) as Ran;
  assert.equal(Buffer.from(release).toString(), "ID=alpine\n");
  assert.equal(image.id, made.id);

  const reader = await vfs(join(dir.path, "reader"));
  await reader.images.pull(to, { signal });
  const pulled = await reader.images.resolve(to);
  assert.equal(pulled.id, next.id);
  const hello = await readImageFile(reader.store, pulled, "/srv/hello", { signal });
  assert.equal(Buffer.from(hello).toString(), "hello\n");
  const root = await listImage(reader.store, pulled, "/", { signal });
  assert.deepEqual(
    root.map(({ name }) => name),
    ["etc", "srv"],
  );
});

async function* bytesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
