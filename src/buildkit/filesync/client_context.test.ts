/** After whatever was done to a client's directory, a build that knows earlier ones sees what one sees that knows none. */
import * as fc from "fast-check";
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { scratch } from "../../../test/suites/scratch.ts";
import { sessionServing } from "../../../test/support/session_serving.ts";
import { KeptContents, openContentMemory, type ClientMemory, type SourceTree } from "../../build/index.ts";
import { bidirectional, type Read } from "../../rpc/index.ts";
import { clientContext } from "./client_context.ts";
import { goMode, Packet, packetTypes } from "./packets.ts";

interface Node {
  readonly kind: "file" | "directory" | "symlink";
  readonly mode: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** Or where a symlink leads to. */
  readonly content: string;
}

const paths = ["a", "b", "d", "d/a", "d/b", "d/e", "d/e/a"] as const;
const signal = new AbortController().signal;
const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")));

/** The directory of a client. Whatever is asked of it that cannot be done leaves it as it is. */
class Directory {
  readonly #nodes = new Map<string, Node>();
  #clock = 1_000_000_000;

  constructor() {
    this.#put("Dockerfile", "file", "FROM scratch\nCOPY . /\n");
  }

  /** @param keepsTime the content is then of a size that there was never before: nothing else would tell */
  write(path: string, keepsTime: boolean): void {
    const before = this.#nodes.get(path);
    const now = ++this.#clock;
    if (keepsTime && before?.kind === "file")
      this.#nodes.set(path, { ...before, content: "x".repeat(now - 999_999_900) });
    else this.#put(path, "file", `${now}`);
  }

  ignore(patterns: readonly string[]): void {
    this.#put(".dockerignore", "file", patterns.map((pattern) => `${pattern}\n`).join(""));
  }

  link(path: string, target: string): void {
    this.#put(path, "symlink", target);
  }

  makeDirectory(path: string): void {
    if (this.#nodes.get(path)?.kind !== "directory") this.#put(path, "directory", "");
  }

  chmod(path: string, mode: number): void {
    const node = this.#nodes.get(path);
    if (node !== undefined && node.kind !== "symlink") this.#nodes.set(path, { ...node, mode });
  }

  remove(path: string): void {
    for (const each of this.#below(path)) this.#nodes.delete(each);
  }

  /** Files keep their times. */
  rename(from: string, to: string): void {
    if (!this.#nodes.has(from) || !this.#mayHold(to) || `${to}/`.startsWith(`${from}/`)) return;
    const moved = this.#below(from).map((path) => [path, this.#nodes.get(path) as Node] as const);
    this.remove(from);
    this.remove(to);
    for (const [path, node] of moved) this.#nodes.set(to + path.slice(from.length), node);
  }

  /** In the order of fsutil: a directory before what it holds. */
  list(): (readonly [string, Node])[] {
    return [...this.#nodes].sort(([a], [b]) => (a.replaceAll("/", "\0") < b.replaceAll("/", "\0") ? -1 : 1));
  }

  #put(path: string, kind: Node["kind"], content: string): void {
    if (!this.#mayHold(path)) return;
    this.remove(path);
    this.#nodes.set(path, {
      kind,
      mode: kind === "directory" ? 0o755 : 0o644,
      mtime: ++this.#clock,
      content,
    });
  }

  #mayHold(path: string): boolean {
    const parent = parentOf(path);
    return parent === "" || this.#nodes.get(parent)?.kind === "directory";
  }

  #below(path: string): string[] {
    return [...this.#nodes.keys()].filter((each) => each === path || each.startsWith(`${path}/`));
  }
}

/** fsutil's sender. It leaves out nothing of what the daemon does not want, which it may. @param sent the files that travel */
function serving(directory: Directory, sent: string[]) {
  return bidirectional(
    Packet,
    Packet,
    async function* (packets: AsyncIterable<Read<typeof Packet>>, { headers }) {
      const only = String(headers["followpaths"] ?? "");
      const wanted = only.split(",").map((path) => decodeURIComponent(path.trim()));
      const list = directory.list().filter(([path]) => only === "" || wanted.includes(path));
      for (const [path, { kind, mode, mtime, content }] of list) {
        const stat = {
          path: Buffer.from(path),
          mode: goMode(kind, mode),
          mtime: BigInt(mtime) * 1_000_000_000n,
        };
        const more = kind === "symlink" ? { linkname: Buffer.from(content) } : { size: content.length };
        yield { type: packetTypes.stat, stat: { ...stat, ...more } };
      }
      yield { type: packetTypes.stat };
      for await (const { type, id } of packets) {
        if (type === packetTypes.end) return yield { type: packetTypes.end };
        const [path, { content }] = list[id] as readonly [string, Node];
        if (only === "") sent.push(path);
        if (content !== "") yield { type: packetTypes.data, id, data: Buffer.from(content) };
        yield { type: packetTypes.data, id };
      }
    },
  );
}

/** All that a build can see, as it is seen by `COPY . /` that was not in the cache, or was. */
async function seen(tree: SourceTree, reads: boolean, path = ""): Promise<string[]> {
  const { kind, mode, size, mtime } = tree.stat(path) ?? assert.fail(path);
  const lines = [[path, kind, mode.toString(8), size, mtime].join(" ")];
  if (kind === "symlink") lines.push(tree.readLink(path));
  if (kind === "file") lines.push(await tree.contentDigest(path));
  if (kind === "file" && reads)
    lines.push(Buffer.concat(await Array.fromAsync(tree.open(path, signal))).toString());
  if (kind !== "directory") return lines;
  for (const name of tree.readdir(path))
    lines.push(...(await seen(tree, reads, path === "" ? name : `${path}/${name}`)));
  return lines;
}

/** @param root of what is kept between builds; undefined: nothing is */
async function build(directory: Directory, root: string | undefined, reads: boolean) {
  const sent: string[] = [];
  using client = sessionServing({ "/moby.filesync.v1.FileSync/DiffCopy": serving(directory, sent) }, "key");
  const place = { temporaryDirectory: root ?? tmpdir(), signal };
  if (root === undefined) {
    await using context = await clientContext(client.session).open(place);
    return { sees: await seen(await context.files(), reads), sent };
  }
  using contents = new KeptContents(join(root, "kept"), root);
  const memory: ClientMemory = { digests: openContentMemory(join(root, "memory")), contents };
  await using context = await clientContext(client.session).open({ ...place, memoryOf: () => memory });
  const sees = await seen(await context.files(), reads);
  memory.digests.save();
  await contents.save({ wanted: () => memory.digests.digests(), maximum: 1e9 });
  return { sees, sent };
}

const path = fc.constantFrom(...paths);
type Change = (directory: Directory) => void;
const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.tuple(path, fc.boolean()).map(
      ([at, keeps]): Change =>
        (d) =>
          d.write(at, keeps),
    ),
  },
  {
    weight: 2,
    arbitrary: path.map(
      (at): Change =>
        (d) =>
          d.makeDirectory(at),
    ),
  },
  fc.tuple(path, fc.constantFrom("a", "../a", "/d")).map(
    ([at, to]): Change =>
      (d) =>
        d.link(at, to),
  ),
  fc.tuple(path, fc.constantFrom(0o600, 0o755)).map(
    ([at, mode]): Change =>
      (d) =>
        d.chmod(at, mode),
  ),
  fc.tuple(path, path).map(
    ([from, to]): Change =>
      (d) =>
        d.rename(from, to),
  ),
  path.map(
    (at): Change =>
      (d) =>
        d.remove(at),
  ),
  fc.subarray(["a", "d/*", "!d/b", "**/e"]).map(
    (patterns): Change =>
      (d) =>
        d.ignore(patterns),
  ),
);

test("after any changes a build sees what one sees that knows nothing of earlier ones", async () => {
  const round = fc.record({
    changes: fc.array(change, { maxLength: 4 }),
    reads: fc.boolean(),
    isPruned: fc.constantFrom(false, false, false, true),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(round, { minLength: 2, maxLength: 6 }), async (rounds) => {
      using place = scratch("incremental");
      const directory = new Directory();
      directory.makeDirectory("d");
      for (const at of ["a", "d/a", "d/b"]) directory.write(at, false);
      for (const { changes, reads, isPruned } of rounds) {
        for (const each of changes) each(directory);
        if (isPruned) rmSync(join(place.path, "kept"), { recursive: true, force: true });
        const { sees } = await build(directory, place.path, reads);
        assert.deepEqual(sees, (await build(directory, undefined, reads)).sees);
      }
    }),
    { numRuns: 20 },
  );
});

test("only what was changed travels, also where all is copied anew", async () => {
  using place = scratch("incremental");
  const directory = new Directory();
  const travels = async (reads = true): Promise<string[]> => (await build(directory, place.path, reads)).sent;
  directory.makeDirectory("d");
  for (const at of ["a", "b", "d/a", "d/b"]) directory.write(at, false);
  assert.deepEqual(await travels(false), ["Dockerfile", "a", "b", "d/a", "d/b"]);
  assert.deepEqual(await travels(), []);
  directory.write("d/a", false);
  assert.deepEqual(await travels(), ["d/a"]);
  directory.write("d/b", true);
  directory.chmod("b", 0o600);
  directory.remove("a");
  assert.deepEqual(await travels(), ["d/b"]);
  directory.rename("b", "d/e");
  directory.ignore(["d/b"]);
  assert.deepEqual(await travels(), [".dockerignore", "d/e"]);
  directory.ignore([]);
  assert.deepEqual(await travels(), [".dockerignore"]);
  assert.deepEqual(await travels(), []);
});
