import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { fromBytes } from "../../bytes/index.ts";
import type { TarEntry } from "../../tar/index.ts";
import { copied, planOf, plain, requestOf, signal } from "./copy_case_fixture.ts";
import { branchOf, dir, file, hard, link, linesOf, node, treeOf, viewOf } from "./copy_fixture.ts";

const attributes = new Map([
  ["security.capability", Buffer.from("01", "hex")],
  ["user.note", Buffer.from("02", "hex")],
  ["user.overlay.opaque", Buffer.from("y")],
  ["trusted.overlay.redirect", Buffer.from("/etc")],
  ["security.selinux", Buffer.from("z")],
]);
const kept = "security.capability=01 user.note=02";

const tree = [
  dir("src", { mode: 0o750 }),
  file("src/a.md", "a"),
  file("src/run", "r", { mode: 0o755 }),
  dir("src/sub", { mode: 0o700 }),
  file("src/sub/b.txt", "b"),
  file("src/sub/c.md", "c"),
  link("src/link", "a.md"),
];

test("B079 files keep mode and time and are root's, wherever they go", async () => {
  const given = [file("a", "a", { mode: 0o640, mtime: 12345 }), file("b", "b", { mtime: -5 })];
  assert.deepEqual(await copied(requestOf("a b /x/y/"), given, [], { times: true }), [
    "directory 755 0:0 x/",
    "directory 755 0:0 x/y/",
    'file 640 0:0 x/y/a "a" @12345',
    'file 644 0:0 x/y/b "b" @-5',
  ]);
});

test("owners of another stage are kept, by --chown they change", async () => {
  const stage = treeOf(
    branchOf(dir("d", { uid: 1, gid: 2 }), file("d/f", "f", { uid: 3, gid: 4 })),
    "builder",
  );
  const [made, inside] = ["directory 755 0:0 d/", 'file 644 3:4 d/f "f"'];
  assert.deepEqual(await copied(requestOf("d/f /d/"), stage), [made, inside]);
  const chowned = requestOf("d /new/d", { chown: "9:8" });
  assert.deepEqual(await copied(chowned, stage), [
    "directory 755 0:0 new/",
    "directory 755 9:8 new/d/",
    'file 644 9:8 new/d/f "f"',
  ]);
  const accounts = { passwd: "ann:x:5:6::/:\n", group: "ann:x:7:\n" };
  const named = requestOf("d/f /f", { chown: "ann", link: true });
  assert.deepEqual(await copied(named, stage, [], { accounts }), ['file 644 5:6 f "f"']);
  await assert.rejects(copied(named, stage), { kind: "invalid", message: /no such user: ann/ });
});

test("set-id bits and attributes stay, but in the old builder's manner", async () => {
  const given = [file("f", "f", { mode: 0o6755, xattrs: attributes }), file("g", "g", { mode: 0o2644 })];
  assert.deepEqual(await copied(requestOf("f g /"), given), [
    `file 6755 0:0 f "f" ${kept}`,
    'file 2644 0:0 g "g"',
  ]);
  const classic = requestOf(". /", { classic: true });
  assert.deepEqual(await copied(classic, given), ['file 755 0:0 f "f"', 'file 2644 0:0 g "g"']);
  const stage = treeOf(branchOf(...given), "builder");
  assert.deepEqual(await copied(classic, stage), [`file 6755 0:0 f "f" ${kept}`, 'file 2644 0:0 g "g"']);
  assert.deepEqual(await copied({ ...classic, sources: ["f"] }, stage), ['file 6755 0:0 f "f"']);
});

test("--chmod counts for all but symlinks; digits also for directories that are made", async () => {
  const files = [{ name: "doc", content: Buffer.from("d") }];
  assert.deepEqual(await copied(requestOf("src/sub src/link /x/", { chmod: "0640", files }), tree), [
    "directory 640 0:0 x/",
    'file 640 0:0 x/b.txt "b"',
    'file 640 0:0 x/c.md "c"',
    'file 640 0:0 x/doc "d"',
    'file 640 0:0 x/link "a"',
  ]);
  assert.deepEqual(await copied(requestOf("src /x/", { chmod: "go=u-w,g+s" }), tree), [
    "directory 755 0:0 x/",
    'file 2644 0:0 x/a.md "a"',
    "symlink 777 0:0 x/link -> a.md",
    'file 2755 0:0 x/run "r"',
    "directory 2755 0:0 x/sub/",
    'file 2644 0:0 x/sub/b.txt "b"',
    'file 2644 0:0 x/sub/c.md "c"',
  ]);
});

test("--exclude leaves out of directories and of what wildcards find", async () => {
  const names = async (words: string, ...exclude: string[]): Promise<string[]> => {
    const lines = await copied(requestOf(words, { exclude }), tree);
    return lines.map((line) => line.split(" ")[3] as string).filter((name) => name !== "x/");
  };
  assert.deepEqual(await names("src /x/", "*.md"), [
    "x/link",
    "x/run",
    "x/sub/",
    "x/sub/b.txt",
    "x/sub/c.md",
  ]);
  assert.deepEqual(await names("src /x/", "**/*.md", "link"), ["x/run", "x/sub/", "x/sub/b.txt"]);
  assert.deepEqual(await names("src /x/", "sub", "!sub/b.txt"), [
    "x/a.md",
    "x/link",
    "x/run",
    "x/sub/",
    "x/sub/b.txt",
  ]);
  assert.deepEqual(await names("src /x/", "*", "!run"), ["x/run"]);
  assert.deepEqual(await names("src/* /x/", "*.md", "sub"), ["x/link", "x/run"]);
  assert.deepEqual(await names("src /x/", "src"), [
    "x/a.md",
    "x/link",
    "x/run",
    "x/sub/",
    "x/sub/b.txt",
    "x/sub/c.md",
  ]);
  await assert.rejects(copied(requestOf("src /x/", { exclude: ["["] }), tree), { kind: "invalid" });
});

test("--parents keeps the directories that lead there, from the pivot on", async () => {
  const parents = (words: string, ...exclude: string[]): Promise<string[]> =>
    copied(requestOf(words, { parents: true, exclude }), tree);
  const src = "directory 750 0:0 p/src/";
  const [top, sub, b] = [
    "directory 755 0:0 p/",
    "directory 700 0:0 p/src/sub/",
    'file 644 0:0 p/src/sub/b.txt "b"',
  ];
  assert.deepEqual(await parents("./src/sub/b.txt /p"), [top, src, sub, b]);
  assert.deepEqual(await parents("src/sub /p/"), [top, src, sub, b, 'file 644 0:0 p/src/sub/c.md "c"']);
  assert.deepEqual(await parents("/src/./sub/*.txt /p/"), [
    top,
    "directory 700 0:0 p/sub/",
    'file 644 0:0 p/sub/b.txt "b"',
  ]);
  const all = [top, src, 'file 644 0:0 p/src/a.md "a"', sub, 'file 644 0:0 p/src/sub/c.md "c"'];
  assert.deepEqual(await parents("src/**/*.md /p/"), all);
  assert.deepEqual(await parents("src/./** /", "*.md", "sub", "run"), ["symlink 777 0:0 link -> a.md"]);
  assert.deepEqual(await parents("src/link src/run /p/"), [
    top,
    src,
    "symlink 777 0:0 p/src/link -> a.md",
    'file 755 0:0 p/src/run "r"',
  ]);
  await assert.rejects(parents("src/none /p/"), { kind: "not-found" });
  await assert.rejects(parents("none/./x /p/"), { kind: "not-found" });
});

test("--link sees nothing of the image", async () => {
  const image = [link("x", "/elsewhere"), dir("elsewhere", { mode: 0o700 })];
  assert.deepEqual(await copied(requestOf("src/run /x/"), tree, image), [
    "directory 700 0:0 elsewhere/",
    'file 755 0:0 elsewhere/run "r"',
  ]);
  assert.deepEqual(await copied(requestOf("src/run /x/", { link: true }), tree, image), [
    "directory 755 0:0 x/",
    'file 755 0:0 x/run "r"',
  ]);
});

test("here-documents are files of the build's time", async () => {
  const files = ["one", "two"].map((name) => ({ name, content: Buffer.from(`${name}\n`) }));
  const options = { times: true, time: 99 };
  assert.deepEqual(
    await copied({ ...plain, files: files.slice(1), destination: "/etc/conf" }, [], [], options),
    ["directory 755 0:0 etc/", 'file 644 0:0 etc/conf "two\\n" @99'],
  );
  assert.deepEqual(
    await copied({ ...plain, files, destination: "etc/", workingDir: "/w" }, [], [], options),
    [
      "directory 755 0:0 w/",
      "directory 755 0:0 w/etc/",
      'file 644 0:0 w/etc/one "one\\n" @99',
      'file 644 0:0 w/etc/two "two\\n" @99',
    ],
  );
});

test("B079 a download is 0600 and of the server's time", async () => {
  const content = Buffer.from("fetched");
  const sha256 = createHash("sha256").update(content).digest("hex");
  const download = {
    url: "https://example.org/f?x",
    name: "f",
    size: 7,
    sha256,
    open: () => fromBytes(content),
  };
  const request = {
    ...plain,
    kind: "add" as const,
    downloads: [{ ...download, mtime: 77 }],
    destination: "/x/",
  };
  const made = "directory 755 0:0 x/";
  assert.deepEqual(await copied(request, [], [], { times: true }), [made, 'file 600 0:0 x/f "fetched" @77']);
  const nameless = { ...request, downloads: [{ ...download, name: "" }] };
  await assert.rejects(planOf(nameless, []), {
    message: "ADD failed: cannot determine filename for source https://example.org/f?x",
  });
  const renamed = { ...nameless, destination: "/x" };
  assert.deepEqual(await copied(renamed, [], [], { times: true }), ['file 600 0:0 x "fetched" @0']);
  assert.deepEqual(await copied(renamed, [], [dir("x")]), [made, 'file 600 0:0 x/__unnamed__ "fetched"']);
  const evil = { ...request, downloads: [{ ...download, name: "../../etc/passwd" }] };
  assert.deepEqual(await copied(evil, []), [made, 'file 600 0:0 x/.._.._etc_passwd "fetched"']);
});

test("checkouts and downloads share a layer with files of the context", async () => {
  const checkouts = [treeOf(branchOf(file("README", "r")), "https://example.org/repo.git")];
  assert.deepEqual(await copied(requestOf("src/run /x/", { kind: "add", checkouts }), tree), [
    "directory 755 0:0 x/",
    'file 644 0:0 x/README "r"',
    'file 755 0:0 x/run "r"',
  ]);
});

test("hard links inside a directory stay, special files too, sockets go", async () => {
  const given = [
    file("d/one", "1"),
    hard("d/sub/two", "d/one"),
    hard("outer", "d/one"),
    node("d/null", "char", { rdevMajor: 1, rdevMinor: 3 }),
    node("d/pipe", "fifo"),
    node("d/socket", "socket"),
  ];
  assert.deepEqual(await copied(requestOf("d outer /"), given), [
    "char 644 0:0 null 1:3",
    'file 644 0:0 one "1"',
    'file 644 0:0 outer "1"',
    "fifo 644 0:0 pipe",
    "directory 755 0:0 sub/",
    "hardlink 644 0:0 sub/two -> one",
  ]);
});

test("what no layer can hold is refused", async () => {
  const refuse = (given: ReturnType<typeof file>[], words: string, message: RegExp): Promise<void> =>
    assert.rejects(copied(requestOf(words), given), { kind: "invalid", message });
  await refuse([file("d/.wh.x")], "d /", /^failed to copy files.*\/\.wh\.x would be read as a whiteout/);
  await refuse([file(".wh..wh..opq")], "*opq /d/", /would be read as a whiteout/);
  await refuse([file("a")], "a /.wh.b", /would be read as a whiteout/);
  await refuse([node("d/gone", "char")], "d /", /device 0:0, which means a whiteout/);
  await refuse([file("a")], `a /${"n".repeat(256)}`, /file name too long/);
  await refuse([file("a")], "a /nul\0byte", /is no path of a file/);
});

test("files that the image has alike are in the layer all the same; a directory covers what was a file", async () => {
  const image = [file("x/a.md", "a"), file("x/sub", "file"), dir("x/run"), file("x/run/inside")];
  assert.deepEqual(await copied(requestOf("src /x"), tree, image), [
    "directory 755 0:0 x/",
    'file 644 0:0 x/a.md "a"',
    "symlink 777 0:0 x/link -> a.md",
    'file 755 0:0 x/run "r"',
    "directory 700 0:0 x/sub/",
    'file 644 0:0 x/sub/b.txt "b"',
    'file 644 0:0 x/sub/c.md "c"',
  ]);
});

test("an empty directory onto the root of an image changes nothing", async () => {
  assert.deepEqual(await copied(requestOf("d /"), [dir("d")]), []);
});

test("no time is after the epoch", async () => {
  const given = [file("old", "o", { mtime: 5 }), file("new", "n", { mtime: 2000, mtimeNs: 7 })];
  const plan = await planOf(requestOf(". /d/"), given);
  const view = viewOf(dir("d", { mtime: 3000 }));
  const times: string[] = [];
  for await (const { entry } of plan.entries(view, { time: 4000, epoch: 1000, signal }))
    times.push(`${entry.path} ${entry.mtime}.${entry.mtimeNs}`);
  assert.deepEqual(times, ["d/ 1000.0", "d/new 1000.0", "d/old 5.0"]);
});

test("directories of the image may be corrected before they are listed", async () => {
  const seen: string[] = [];
  const correct = async (existing: readonly TarEntry[]): Promise<void> => {
    for (const entry of existing) seen.push(entry.path);
    for (const entry of existing) entry.uid = 42;
  };
  const lines = await copied(requestOf("src/run /d/e/new/"), tree, [dir("d/e")], { correct });
  assert.deepEqual(seen, ["d/", "d/e/"]);
  assert.deepEqual(lines.slice(0, 3), [
    "directory 755 42:0 d/",
    "directory 755 42:0 d/e/",
    "directory 755 0:0 d/e/new/",
  ]);
});

test("a plan gives its entries twice, and files are opened when their bytes are asked for", async () => {
  const source = treeOf(branchOf(...tree));
  let opened = 0;
  const counting = {
    ...source,
    open: (...args: Parameters<typeof source.open>) => (opened++, source.open(...args)),
  };
  const plan = await planOf(requestOf("src /x/"), counting);
  const entries = plan.entries(viewOf(), { time: 1, signal })[Symbol.asyncIterator]();
  await entries.next();
  await entries.next();
  assert.equal(opened, 0);
  const whole = (): Promise<string[]> => linesOf(plan.entries(viewOf(), { time: 1, signal }));
  assert.deepEqual(await whole(), await whole());
  assert.equal(opened, 8);
  await assert.rejects(linesOf(plan.entries(viewOf(), { time: 1, signal: AbortSignal.abort() })), {
    kind: "cancelled",
  });
});
