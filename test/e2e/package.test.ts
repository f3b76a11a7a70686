/** The package as npm would publish it: what is in it, and that every export of it runs as plain JavaScript. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { scratch, unlessLinux, type Scratch } from "../suites/scratch.ts";

const checkout = join(import.meta.dirname, "../..");
const documents = ["CHANGELOG.md", "LICENSE", "README.md"];
interface Manifest {
  readonly version: string;
  readonly files: readonly string[];
  readonly exports: Readonly<Record<string, { readonly types: string; readonly default: string }>>;
}
const manifest = JSON.parse(fs.readFileSync(join(checkout, "package.json"), "utf8")) as Manifest;

/** The package's directory as it is after `scripts/build.ts --library`, apart from the checkout's own `lib`. */
function buildPackage(): Scratch {
  const directory = scratch("package");
  const at = (name: string): string => join(directory.path, name);
  for (const name of ["package.json", ...documents]) fs.copyFileSync(join(checkout, name), at(name));
  // What npm must leave out.
  fs.mkdirSync(at("src"));
  fs.writeFileSync(at("src/index.ts"), "");
  fs.mkdirSync(at("dist"));
  fs.writeFileSync(at("dist/varve.js"), "");
  fs.symlinkSync(join(checkout, "node_modules"), at("node_modules"));
  const emit = ["-p", join(checkout, "tsconfig.emit.json"), "--outDir", at("lib")];
  execFileSync(join(checkout, "node_modules/.bin/tsc"), emit, { encoding: "utf8" });
  return directory;
}

/** Runs a module inside the package, where `varve/...` means the package itself. @returns what it printed, as JSON */
function run<T>(directory: string, source: string): T {
  const file = join(directory, "user.mjs");
  fs.writeFileSync(file, source);
  return JSON.parse(execFileSync(process.execPath, [file], { encoding: "utf8" })) as T;
}

suite("the npm package", { skip: unlessLinux }, () => {
  let built: Scratch;
  before(() => void (built = buildPackage()));
  after(() => built[Symbol.dispose]());

  test("holds programs, library and documents, and nothing else", () => {
    const printed = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
      cwd: built.path,
      encoding: "utf8",
    });
    const [packed] = JSON.parse(printed) as [{ readonly files: readonly { readonly path: string }[] }];
    const paths = packed.files.map(({ path }) => path);
    const [top, below] = [
      paths.filter((path) => !path.includes("/")),
      paths.filter((path) => path.includes("/")),
    ];
    assert.deepEqual(top.sort(), [...documents, "package.json"].sort());
    assert.deepEqual([...new Set(below.map((path) => path.split("/")[0]))].sort(), ["dist", "lib"]);
    assert.deepEqual(
      below.filter((path) => path.startsWith("lib/") && !/\.(js|d\.ts)$/.test(path)),
      [],
    );
    assert.deepEqual(
      below.filter((path) => /test|fixture/.test(path)),
      [],
    );
  });

  test("all exports are there, with types, and load", () => {
    for (const [name, { types, default: file }] of Object.entries(manifest.exports))
      for (const path of [types, file]) assert.ok(fs.existsSync(join(built.path, path)), `${name}: ${path}`);
    const names = Object.keys(manifest.exports).map((name) => `varve${name.slice(1)}`);
    const source = `const count = async (name) => [name, Object.keys(await import(name)).length];
      console.log(JSON.stringify(await Promise.all(${JSON.stringify(names)}.map(count))));`;
    for (const [name, exported] of run<[string, number][]>(built.path, source))
      assert.ok(exported > 0, `${name} exports nothing`);
  });

  test("no emitted program imports TypeScript, and the types fit together", () => {
    const files = fs.globSync("lib/**/*.js", { cwd: built.path });
    assert.ok(files.length > 100, `${files.length} files`);
    const importing = /(?:from|import)\s*\(?\s*["']\.[^"']*\.ts["']/;
    const wrong = files.filter((file) => importing.test(fs.readFileSync(join(built.path, file), "utf8")));
    assert.deepEqual(wrong, []);
    const user = join(built.path, "user.mts");
    const uses = `
      import { openEngine, type Engine, type ImageInspect, type PullResult } from "varve";
      const engine: Engine = await openEngine({ root: "/r" });
      const pulled: PullResult = await engine.images.pull("a", { signal: new AbortController().signal });
      const shown: ImageInspect = await engine.images.inspect(pulled.imageId);
      const size: number = shown.Size;
      // @ts-expect-error a declaration that got lost would be "any", and this no error
      const text: string = shown.Size;
      export { size, text };`;
    fs.writeFileSync(user, uses);
    const strict = ["--strict", "--module", "nodenext", "--target", "es2024", "--noEmit", "--types", "node"];
    const library = ["--lib", "es2025,esnext.disposable,esnext.array", "--skipLibCheck"];
    const tsc = join(checkout, "node_modules/.bin/tsc");
    execFileSync(tsc, [...strict, ...library, user], { cwd: built.path, encoding: "utf8" });
  });

  test("the library imports, saves and loads images, unpacking in its own worker threads", () => {
    const source = `
      import { openEngine, version } from "varve";
      import { readImageFile } from "varve/image";
      import { packTar } from "varve/tar";
      const { signal } = new AbortController();
      const plain = { linkPath: "", mode: 0o644, uid: 0, gid: 0, uname: "", gname: "", mtime: 1, mtimeNs: 0, devMajor: 0, devMinor: 0 };
      const body = Buffer.from("hello");
      const tar = packTar([{ entry: { ...plain, path: "hello", type: "file", size: body.length }, body }]);
      const here = await openEngine({ root: import.meta.dirname + "/here", driver: "vfs" });
      const image = await here.images.import(tar, { signal });
      await here.images.tag(image.id, "hello:1");
      const there = await openEngine({ root: import.meta.dirname + "/there", driver: "vfs" });
      const [loaded] = await there.images.load(await here.images.save(["hello:1"], { signal }), { signal });
      const file = await readImageFile(there.store, await there.images.resolve("hello:1"), "hello", { signal });
      console.log(JSON.stringify({ same: loaded.imageId === image.id, file: Buffer.from(file).toString(), version }));`;
    assert.deepEqual(run(built.path, source), { same: true, file: "hello", version: manifest.version });
  });
});
