import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { isFailure } from "../../errors.ts";
import { bidirectional, type Read, type Write } from "../../rpc/index.ts";
import { scratch } from "../../../test/suites/scratch.ts";
import { sessionServing } from "../../../test/support/session_serving.ts";
import type { Session } from "../session/index.ts";
import type { ListLimits } from "./listed_files.ts";
import { KeptContents, openContentMemory, type ClientMemory } from "../../build/index.ts";
import { openClientTree } from "./open_client_tree.ts";
import { goMode, Packet, packetTypes, type Stat } from "./packets.ts";

type Told = Write<typeof Packet>;
type Asked = Read<typeof Packet>;
type Listed = Write<typeof Stat> & { readonly path: Buffer };
/** What a client says: a list, then whatever `answer` has for each packet that comes. */
interface Script {
  readonly list: readonly Listed[];
  readonly answer?: (asked: Asked) => readonly Told[];
}

const method = "/moby.filesync.v1.FileSync/DiffCopy";
const never = new AbortController().signal;
const { stat, request, data, end, error } = packetTypes;

const file = (path: string, size: number, more: Omit<Write<typeof Stat>, "path"> = {}): Listed => ({
  mode: goMode("file", 0o644),
  size,
  ...more,
  path: Buffer.from(path),
});
const directory = (path: string): Listed => ({ path: Buffer.from(path), mode: goMode("directory", 0o755) });
const told = (list: Script["list"]): Told[] => [
  ...list.map((each) => ({ type: stat, stat: each })),
  { type: stat },
];

function connected({ list, answer = () => [] }: Script) {
  const asked: number[] = [];
  const headers: Record<string, unknown>[] = [];
  const finished = Promise.withResolvers<void>();
  const serve = bidirectional(Packet, Packet, async function* (packets, call) {
    headers.push(call.headers);
    yield* told(list);
    for await (const packet of packets) {
      if (packet.type === request) asked.push(packet.id);
      if (packet.type === end) yield { type: end };
      yield* answer(packet);
    }
    finished.resolve();
  });
  return { ...sessionServing({ [method]: serve }), asked, headers, finished: finished.promise };
}

const open = (session: Session, limits: ListLimits = {}, memory?: ClientMemory) =>
  openClientTree(
    session,
    "context",
    { directory: "context" },
    { temporaryDirectory: tmpdir(), signal: never, limits, ...(memory && { memory }) },
  );

/** Gives each file that is asked for its bytes, in two pieces. */
const contents =
  (list: Script["list"], bytes: Readonly<Record<string, string>>) =>
  ({ type, id }: Asked): Told[] => {
    if (type !== request) return [];
    const text = Buffer.from(bytes[Buffer.from(list[id]?.path ?? []).toString()] ?? "");
    const pieces = [text.subarray(0, 2), text.subarray(2)].filter(({ length }) => length > 0);
    return [...pieces.map((piece) => ({ type: data, id, data: piece })), { type: data, id }];
  };

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

test("a client's directory: lists at once, contents when they are wanted and once", async () => {
  const list = [
    directory("d"),
    file("d/a", 5, { mtime: -1n, xattrs: [{ key: Buffer.from("user.x"), value: Buffer.from("1") }] }),
    { path: Buffer.from("d/s"), mode: goMode("symlink", 0o777), linkname: Buffer.from("../e") },
    file("e", 0),
    file("h", 0, { linkname: Buffer.from("d/a") }),
    file("\u00fc", 3),
  ];
  using client = connected({ list, answer: contents(list, { "d/a": "hello", "\u00fc": "two" }) });
  using tree = await open(client.session);
  assert.deepEqual(client.asked, []);
  assert.deepEqual(tree.readdir(""), ["d", "e", "h", "\u00c3\u00bc"]);
  assert.deepEqual(tree.readdir("d"), ["a", "s"]);
  assert.equal(tree.resolve("d/s"), "e");
  assert.deepEqual(tree.xattrs("d/a"), new Map([["user.x", Buffer.from("1")]]));
  const { kind, mode, size, mtime, mtimeNs, inode } = tree.stat("d/a") ?? {};
  assert.deepEqual([kind, mode, size, mtime, mtimeNs], ["file", 0o644, 5, -1, 999_999_999]);
  assert.ok(inode !== undefined && inode === tree.stat("h")?.inode);
  const [first, second] = await Promise.all([tree.contentDigest("d/a"), tree.contentDigest("h")]);
  assert.deepEqual(
    [first, second, await tree.contentDigest("e")],
    [sha256("hello"), sha256("hello"), sha256("")],
  );
  const chunks: Uint8Array[] = [];
  for await (const chunk of tree.open("d/a", never)) chunks.push(chunk);
  assert.equal(Buffer.concat(chunks).toString(), "hello");
  assert.throws(() => tree.read("\u00c3\u00bc"), { kind: "internal" });
  await tree.load("\u00c3\u00bc", 10);
  assert.equal(Buffer.from(tree.read("\u00c3\u00bc")).toString(), "two");
  assert.deepEqual(client.asked, [1, 3, 5]);
  assert.equal(client.headers[0]?.["dir-name"], "context");
  tree[Symbol.dispose]();
  await client.finished;
});

test("what is not wanted is told in headers, as far as they can hold it", async () => {
  const many = Array.from({ length: 5000 }, (_, i) => `ignored/${i}`);
  for (const [excludes, said] of [
    [["*.log", "!a.log"], "*.log, !a.log"],
    [["\u00fc"], undefined],
    [many, undefined],
    [[], undefined],
  ] as const) {
    using client = connected({ list: [] });
    const wanted = { directory: "context", excludes };
    using tree = await openClientTree(client.session, "context", wanted, {
      temporaryDirectory: tmpdir(),
      signal: never,
    });
    assert.deepEqual([tree.readdir(""), client.headers[0]?.["exclude-patterns"]], [[], said]);
  }
});

test("many files at a time", async () => {
  const list = Array.from({ length: 500 }, (_, i) => file(`f${i}`, 4));
  using client = connected({
    list,
    answer: contents(list, Object.fromEntries(list.map(({ path }, i) => [String(path), String(1000 + i)]))),
  });
  using tree = await open(client.session);
  const digests = await Promise.all(list.map(({ path }) => tree.contentDigest(String(path))));
  assert.deepEqual(
    digests,
    list.map((_, i) => sha256(String(1000 + i))),
  );
});

test("a file that an earlier build has read is not sent again, unless it was changed", async () => {
  using directory = scratch("client-memory");
  const kept = join(directory.path, "kept");
  const build = async (list: readonly Listed[], bytes: string, reads: boolean) => {
    using client = connected({ list, answer: contents(list, { a: bytes }) });
    const digests = openContentMemory(join(directory.path, "memory"));
    using memory = new KeptContents(kept, directory.path);
    using tree = await open(client.session, {}, { digests, contents: memory });
    const digest = await tree.contentDigest("a");
    const read = reads ? await Array.fromAsync(tree.open("a", never)).catch((caught: unknown) => caught) : [];
    digests.save();
    await memory.save({ wanted: () => digests.digests(), maximum: 1e9 });
    return { digest, read, asked: client.asked.length };
  };
  const list = [file("a", 3, { mtime: 1_000_000_000n })];
  const one = { digest: sha256("one"), read: [Buffer.from("one")] };
  assert.deepEqual(await build(list, "one", false), { ...one, read: [], asked: 1 });
  assert.deepEqual(await build(list, "one", false), { ...one, read: [], asked: 0 });
  assert.deepEqual(await build(list, "one", true), { ...one, asked: 0 });
  const later = [file("a", 3, { mtime: 2_000_000_000n })];
  const two = { digest: sha256("two"), read: [Buffer.from("two")] };
  assert.deepEqual(await build(later, "two", false), { ...two, read: [], asked: 1 });
  // Same time and size, other content: nobody can tell.
  assert.deepEqual(await build(later, "won", true), { ...two, asked: 0 });
  // Where it has to come after all it is never taken for what its digest says.
  rmSync(kept, { recursive: true });
  assert.deepEqual(await build(later, "two", true), { ...two, asked: 1 });
  rmSync(kept, { recursive: true });
  assert.ok(isFailure((await build(later, "won", true)).read, "conflict"));
  assert.equal((await build(later, "won", true)).digest, sha256("won"));
});

test("lists that no directory has are refused", async () => {
  const long = "x".repeat(256);
  const cases: readonly (readonly [Listed[], string, ListLimits?])[] = [
    [[file("../a", 1)], "invalid"],
    [[file("/a", 1)], "invalid"],
    [[file("", 1)], "invalid"],
    [[file("a/b", 1)], "invalid"],
    [[file("a\0", 1)], "invalid"],
    [[directory("."), file("./a", 1)], "invalid"],
    [[file(long, 1)], "invalid"],
    [[file("a", 1), file("a", 1)], "invalid"],
    [[file("a", 1), file("a/b", 1)], "invalid"],
    [
      [
        { path: Buffer.from("s"), mode: goMode("symlink", 0o777), linkname: Buffer.from("/") },
        file("s/x", 1),
      ],
      "invalid",
    ],
    [[{ path: Buffer.from("s"), mode: goMode("symlink", 0o777) }], "invalid"],
    [[file("a", 0, { linkname: Buffer.from("b") })], "invalid"],
    [[directory("d"), file("a", 0, { linkname: Buffer.from("d") })], "invalid"],
    [[file("a", -1)], "invalid"],
    [[file("a", 1, { mode: 1 << 19 })], "invalid"],
    [[file("a", 600), file("b", 600)], "limit", { bytes: 1000 }],
    [Array.from({ length: 11 }, (_, i) => file(String(i), 0)), "limit", { entries: 10 }],
    [[file("n".repeat(200), 0)], "limit", { names: 100 }],
  ];
  for (const [list, kind, limits] of cases) {
    using client = connected({ list });
    const paths = JSON.stringify(list.map(({ path }) => String(path)));
    await assert.rejects(open(client.session, limits), { kind }, paths.slice(0, 80));
  }
});

test("contents that are not what was listed end the transfer", async () => {
  const list = [file("a", 3), file("b", 3)];
  const answers: readonly (readonly [Told[], string])[] = [
    [[{ type: data, id: 0, data: Buffer.from("more") }], "conflict"],
    [
      [
        { type: data, id: 0, data: Buffer.from("le") },
        { type: data, id: 0 },
      ],
      "conflict",
    ],
    [[{ type: data, id: 1, data: Buffer.from("abc") }], "invalid"],
    [[{ type: stat, stat: file("late", 1) }], "invalid"],
    [[{ type: error, data: Buffer.from("walk failed") }], "unavailable"],
    [[{ type: 9 }], "invalid"],
  ];
  for (const [answer, kind] of answers) {
    using client = connected({ list, answer: ({ type }) => (type === request ? answer : []) });
    using tree = await open(client.session);
    await assert.rejects(tree.contentDigest("a"), { kind });
    await assert.rejects(tree.contentDigest("b"), { kind });
  }
});

test("a client that goes away, or serves no files, fails the build that wants them", async () => {
  const gone = connected({ list: [file("a", 3)] });
  using tree = await open(gone.session);
  const wanted = tree.contentDigest("a");
  gone[Symbol.dispose]();
  await assert.rejects(wanted, { kind: "unavailable" });
  using useless = sessionServing({});
  await assert.rejects(open(useless.session), { kind: "invalid", message: /not supported by the client$/ });
});
