import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fromBytes } from "../../bytes/index.ts";
import { copySourceText, downloadText, joinSourceWords } from "./copy_source_text.ts";
import { memoryTree, type TreeEntry } from "./memory_tree_fixture.ts";

interface Measured {
  readonly sources: readonly string[];
  readonly text: string;
}

/** Measured with dockerd 20.10.24 and the command of 28.2.2: one `COPY` for each, then `docker history`. */
const fixture = JSON.parse(
  readFileSync(new URL("../../../test/fixtures/classic/sources.json", import.meta.url), "utf8"),
) as {
  readonly entries: readonly TreeEntry[];
  readonly mountedOnly: readonly TreeEntry[];
  readonly context: readonly Measured[];
  readonly mounted: readonly Measured[];
};
const context = { kind: "context" } as const;
const mounted = {
  kind: "mounted",
  names: {
    user: (uid: number): string => ["root", "", "", "", "", "", "", "lp"][uid] ?? "",
    group: (gid: number): string => (gid === 0 ? "root" : gid === 8 ? "mail" : ""),
  },
} as const;
const signal = new AbortController().signal;

for (const { sources, text } of fixture.context) {
  test(`B076 what COPY ${sources.join(" ")} copies from the context has dockerd's digest`, async () => {
    using tree = memoryTree(fixture.entries, { owners: false });
    assert.equal(await copySourceText(tree, sources, { origin: context, signal }), text);
  });
}

for (const { sources, text } of fixture.mounted) {
  test(`B076 what COPY --from=image /${sources.join(" /")} copies has dockerd's digest`, async () => {
    using tree = memoryTree([...fixture.entries, ...fixture.mountedOnly], { owners: true });
    assert.equal(await copySourceText(tree, sources, { origin: mounted, signal }), text);
  });
}

test("B076 an ignored directory with an excepted file counts by its name (.dockerignore: sub, !sub/x)", async () => {
  const entries = [
    { path: "sub", kind: "directory", mode: 0o755, implied: true },
    { path: "sub/x", content: "x\n" },
  ] as const;
  using tree = memoryTree(entries, { owners: false });
  const measured = "dir:2178072f042999ab91eab5dab24f53e1aa66ec9ead0869af5dfc5d3950de3a97";
  assert.equal(await copySourceText(tree, ["sub"], { origin: context, signal }), measured);
});

test("a file over a megabyte is read in pieces and has the digest that it has at once", async () => {
  const content = "0123456789abcdef".repeat(70_000);
  using tree = memoryTree([{ path: "big", content }], { owners: false });
  const pieces = { ...tree, read: () => assert.fail("read at once") };
  // Made by another program from the header fields and the content.
  const expected = "file:2c8d63ec39d1cea2f055c90fd9abeff3d329bcbd0c21c383e76a4b9c16afb8a8";
  assert.equal(await copySourceText(pieces, ["big"], { origin: context, signal }), expected);
});

test("a source that is not there is refused in Docker's words (B078)", async () => {
  using tree = memoryTree([], { owners: false });
  await assert.rejects(copySourceText(tree, ["nofile"], { origin: context, signal }), {
    kind: "not-found",
    message: "file not found in build context or excluded by .dockerignore: stat nofile: file does not exist",
  });
  await assert.rejects(copySourceText(tree, ["nofile"], { origin: mounted, signal }), {
    message: "stat nofile: file does not exist",
  });
});

test("no source at all is refused in Docker's words", () => {
  assert.throws(() => joinSourceWords([]), { kind: "invalid", message: "no source files were specified" });
});

test("B071 the word for a download is the bare digest of the builder's private file", async () => {
  const content = fromBytes(Buffer.from("downloaded\n"));
  assert.equal(
    await downloadText({ name: "file.txt", size: 11, content }, mounted.names),
    "c71e5b41bc8d1f24d9847f35d06730f22269eae8e50365950d6982ff334839cf",
  );
});
