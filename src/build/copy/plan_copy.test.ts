import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryBranch } from "../../union/index.ts";
import { planOf, plain, requestOf, signal } from "./copy_case_fixture.ts";
import { branchOf, dir, file, hard, link, node, treeOf } from "./copy_fixture.ts";
import { planCopy } from "./plan_copy.ts";

const content = [dir("src", { mode: 0o750 }), file("src/a", "one"), file("src/b", "two"), link("src/l", "a")];
const digest = async (tree: Parameters<typeof planOf>[1], rest: object = {}): Promise<string> =>
  (await planOf(requestOf("src /x/", rest), tree)).digest;

test("B076 the digest changes with what is copied and not with its times", async () => {
  const same = await digest(content);
  assert.match(same, /^[0-9a-f]{64}$/);
  const [first, a, b, l] = content as [never, never, never, never];
  assert.equal(await digest([first, file("src/a", "one", { mtime: 5 }), b, l, file("beside")]), same);
  const others = {
    content: [first, file("src/a", "another"), b, l],
    mode: [first, file("src/a", "one", { mode: 0o600 }), b, l],
    owner: [first, file("src/a", "one", { uid: 3 }), b, l],
    attribute: [first, file("src/a", "one", { xattrs: new Map([["user.x", Buffer.from("1")]]) }), b, l],
    name: [first, file("src/c", "one"), b, l],
    kind: [first, a, b, file("src/l", "a")],
    target: [first, a, b, link("src/l", "b")],
    "hard link": [first, a, file("src/b", "one"), l, hard("src/c", "src/b")],
    "no hard link": [first, a, file("src/b", "one"), l, file("src/c", "one")],
    less: [first, a, b],
    device: [first, a, b, l, node("src/n", "char", { rdevMajor: 1, rdevMinor: 3 })],
  };
  const found = await Promise.all(Object.values(others).map(async (tree) => digest(tree)));
  assert.equal(new Set([same, ...found]).size, found.length + 1);
});

test("the digest knows --chown, by which owners do not matter, --chmod and --exclude", async () => {
  const stranger = [dir("src"), file("src/a", "one", { uid: 7 })];
  const roots = [dir("src"), file("src/a", "one")];
  assert.equal(await digest(stranger, { chown: "5" }), await digest(roots, { chown: "5" }));
  const all = [{}, { chown: "5" }, { chown: "6" }, { chmod: "700" }, { exclude: ["a"] }];
  assert.equal(new Set(await Promise.all(all.map(async (rest) => digest(roots, rest)))).size, all.length);
  assert.equal(await digest(roots, { exclude: ["none"] }), await digest(roots));
});

test("the items tell what is behind the digest", async () => {
  const { items } = await planOf(requestOf("src /x/"), [...content, node("src/p", "fifo", { uid: 4 })]);
  assert.deepEqual(Object.fromEntries(items), {
    "src/a": "file 644 7692c3ad3540",
    "src/b": "file 644 3fc4ccfe7458",
    "src/l": "symlink 777 a",
    "src/p": "fifo 644 4:0",
  });
});

test("B078 what is not there is said in Docker's words", async () => {
  const tree = [...content, link("dangling", "nowhere"), link("loop", "loop")];
  const start = "COPY failed: file not found in build context or excluded by .dockerignore: ";
  const missing = ["nofile", "/nofile", "./nofile", "src/a/b"];
  for (const source of missing) {
    const shown = source.replace(/^\.?\//, "");
    await assert.rejects(planOf(requestOf(`${source} /x`), tree), {
      kind: "not-found",
      message: `${start}stat ${shown}: file does not exist`,
    });
  }
  for (const source of ["dangling", "dang*", "loop"])
    await assert.rejects(planOf(requestOf(`${source} /x`), tree), { kind: "not-found" });
  const stage = treeOf(branchOf(...tree), "builder");
  await assert.rejects(planOf(requestOf("nofile /x"), stage), {
    message: "COPY failed: stat nofile: file does not exist",
  });
  await assert.rejects(planOf(requestOf("*.none /x", { kind: "add" }), tree), {
    kind: "invalid",
    message: "ADD failed: no source files were specified",
  });
  await assert.rejects(planCopy(requestOf("a /x"), undefined, { signal }), {
    message: "COPY failed: missing build context",
  });
});

test("several sources need a directory to go to", async () => {
  const rule = "with more than one source file, the destination must be a directory and end with a /";
  for (const words of ["src/a src/b /x", "src/? /x"])
    await assert.rejects(planOf(requestOf(words), content), {
      kind: "invalid",
      message: `When using COPY ${rule}`,
    });
  const files = [{ name: "EOF", content: Buffer.from("") }];
  await assert.rejects(planOf(requestOf("src/a /x", { files, kind: "add" }), content), {
    message: `When using ADD ${rule}`,
  });
  await assert.rejects(planOf(requestOf("src/a src/b .", { classic: true }), content), { kind: "invalid" });
  for (const destination of ["/x/", ".", "./", "x/."])
    assert.equal((await planOf(requestOf(`src/a src/b ${destination}`), content)).items.size, 2);
});

test("a path that climbs out stays inside, and the old builder refuses it", async () => {
  assert.equal((await planOf(requestOf("../../src/a /x"), content)).items.size, 1);
  await assert.rejects(planOf(requestOf("../src/a /x", { classic: true }), content), {
    kind: "invalid",
    message: "COPY failed: forbidden path outside the build context: ../src/a ()",
  });
});

test("a device, a FIFO or a socket that is named itself is not read", async () => {
  const tree = [
    node("null", "char", { rdevMajor: 1, rdevMinor: 3 }),
    node("pipe", "fifo"),
    node("s", "socket"),
  ];
  for (const name of ["null", "pipe", "s"])
    await assert.rejects(planOf(requestOf(`${name} /x`), tree), { kind: "unsupported" });
});

test("a cancelled plan does nothing", async () => {
  const tree = treeOf(new MemoryBranch());
  await assert.rejects(planCopy(plain, tree, { signal: AbortSignal.abort() }), { kind: "cancelled" });
});
