/** What every storage driver must do, as one suite (behaviours B173 and B174). */
import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { collect, fromBytes, type ByteSource } from "../../src/bytes/index.ts";
import { isFailure } from "../../src/errors.ts";
import type { StorageDriver, StorageEntry } from "../../src/registry/storage/types.ts";
import { faultyDriver, type StorageFault } from "./faulty_driver.ts";
import { unlessAll } from "./scratch.ts";

export interface StorageFixture extends AsyncDisposable {
  /** One more instance of the driver on the same place, as another process would have it. */
  open(): Promise<StorageDriver>;
}

export interface StorageSuiteOptions {
  /** The reason not to run it, or false. */
  readonly skip?: string | false;
  /** Names in the large directory; default 1,300: two pages of most stores; with `VARVE_LIVE=all` 2,300: three. */
  readonly many?: number;
  /** Whether two `writeNew` at the same moment have one winner; default true. */
  readonly exclusive?: boolean;
}

const { signal } = new AbortController();
const all = { start: 0, end: Number.MAX_SAFE_INTEGER };
const limit = 64 << 20;
const bytes = (text: string): Buffer => Buffer.from(text);
/** Larger than two parts of S3 with a rest, in pieces that meet no boundary. */
const large = randomBytes((11 << 20) + 4321);

/** @param make called once; each test works below a directory of its own */
export function storageDriverSuite(
  name: string,
  make: () => Promise<StorageFixture>,
  options: StorageSuiteOptions = {},
): void {
  const { skip = false, many = unlessAll === false ? 2300 : 1300, exclusive = true } = options;
  describe(`B173 storage driver contract: ${name}`, { skip }, () => {
    let fixture: StorageFixture;
    let driver: StorageDriver;
    before(async () => {
      fixture = await make();
      driver = await fixture.open();
    });
    after(async () => {
      await driver.close?.();
      await fixture[Symbol.asyncDispose]();
    });
    const contract: Contract = {
      test: (title, body) => {
        test(title, async () => {
          const other = await fixture.open();
          try {
            await body({ driver, other, at: `docker/registry/v2/repositories/${randomUUID()}` });
          } finally {
            await other.close?.();
          }
        });
      },
      many,
      exclusive,
    };
    smallFiles(contract);
    ranges(contract);
    appending(contract);
    trees(contract);
    moving(contract);
    faults(contract);
  });
}

interface Place {
  readonly driver: StorageDriver;
  readonly other: StorageDriver;
  /** A directory of the test's own, not there yet. */
  readonly at: string;
}

interface Contract {
  readonly test: (title: string, body: (place: Place) => Promise<void>) => void;
  readonly many: number;
  readonly exclusive: boolean;
}

function smallFiles({ test, exclusive }: Contract): void {
  test("what was written is read, by others too, and written over", async ({ driver, other, at }) => {
    const path = `${at}/_manifests/tags/latest/current/link`;
    assert.equal(await driver.read(path), undefined);
    await driver.write(path, bytes("one"));
    assert.equal(await textAt(other, path), "one");
    await other.write(path, bytes("two, longer"));
    assert.equal(await textAt(driver, path), "two, longer");
    await driver.write(path, bytes(""));
    assert.equal((await other.read(path))?.length, 0);
  });

  test("bytes are kept as they are", async ({ driver, at }) => {
    const content = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    await driver.write(`${at}/data`, content);
    assert.deepEqual(Buffer.from((await driver.read(`${at}/data`)) as Uint8Array), content);
    const manifest = randomBytes(4 << 20);
    await driver.write(`${at}/manifest`, manifest);
    assert.ok(manifest.equals((await driver.read(`${at}/manifest`)) as Uint8Array));
  });

  test("writeNew writes once", async ({ driver, other, at }) => {
    assert.equal(await driver.writeNew(`${at}/link`, bytes("first")), true);
    assert.equal(await other.writeNew(`${at}/link`, bytes("second")), false);
    assert.equal(await textAt(other, `${at}/link`), "first");
    await driver.remove(`${at}/link`);
    assert.equal(await other.writeNew(`${at}/link`, bytes("third")), true);
    assert.equal(await textAt(driver, `${at}/link`), "third");
  });

  test("of those that race for writeNew one wins, and what it wrote stays", async ({ driver, other, at }) => {
    for (let round = 0; round < 5; round++) {
      const path = `${at}/${round}`;
      const won = await Promise.all(
        Array.from({ length: 6 }, (_, index) =>
          [driver, other][index % 2]?.writeNew(path, bytes(`by ${index}`)),
        ),
      );
      const winners = won.flatMap((mine, index) => (mine === true ? [index] : []));
      if (exclusive) assert.equal(winners.length, 1);
      const stayed = await textAt(driver, path);
      assert.ok(
        winners.some((index) => stayed === `by ${index}`),
        `${stayed} stayed, ${winners} won`,
      );
    }
  });

  test("stat tells file, directory and neither", async ({ driver, at }) => {
    const from = Date.now() - 120_000;
    await driver.write(`${at}/deep/er/file`, bytes("12345"));
    const stat = await driver.stat(`${at}/deep/er/file`);
    assert.deepEqual({ ...stat, modified: 0 }, { kind: "file", size: 5, modified: 0 });
    assert.ok((stat?.modified ?? 0) > from, "modified is the time of writing");
    assert.equal((await driver.stat(`${at}/deep`))?.kind, "directory");
    assert.equal((await driver.stat(""))?.kind, "directory");
    assert.equal(await driver.stat(`${at}/dee`), undefined);
    assert.equal(await driver.stat(`${at}/deep/er/fil`), undefined);
  });

  test("readers see the old content or the new, whole", async ({ driver, other, at }) => {
    const [old, young] = [Buffer.alloc(70_000, "o"), Buffer.alloc(90_000, "y")];
    await driver.write(`${at}/link`, old);
    const done = new AbortController();
    const reading = Array.from({ length: 3 }, async () => {
      do {
        const seen = Buffer.from((await other.read(`${at}/link`)) ?? []);
        assert.ok(seen.equals(old) || seen.equals(young), `${seen.length} bytes were seen`);
      } while (!done.signal.aborted);
    });
    for (let round = 0; round < 6; round++) await driver.write(`${at}/link`, round % 2 === 0 ? young : old);
    done.abort();
    await Promise.all(reading);
  });
}

function ranges({ test }: Contract): void {
  test("open gives the bytes of a range", async ({ driver, at }) => {
    const content = randomBytes(300_000);
    await driver.write(`${at}/data`, content);
    const cases = [all, { start: 0, end: 0 }, { start: 5, end: 299_999 }, { start: 299_999, end: 299_999 }];
    for (const range of [...cases, { start: 100, end: 1_000_000 }]) {
      const got = await collect(driver.open(`${at}/data`, range, signal), limit);
      assert.ok(content.subarray(range.start, range.end + 1).equals(got), JSON.stringify(range));
    }
  });

  test("open of an empty file gives nothing, of none not-found", async ({ driver, at }) => {
    await driver.write(`${at}/empty`, bytes(""));
    for (const range of [all, { start: 0, end: -1 }]) {
      assert.equal((await collect(driver.open(`${at}/empty`, range, signal), limit)).length, 0);
      await assert.rejects(collect(driver.open(`${at}/none`, range, signal), limit), notFound);
    }
  });

  test("an aborted read ends with cancelled", async ({ driver, at }) => {
    await driver.write(`${at}/data`, large);
    const stop = new AbortController();
    await assert.rejects(async () => {
      for await (const _ of driver.open(`${at}/data`, all, stop.signal)) stop.abort();
    }, cancelled);
    await assert.rejects(collect(driver.open(`${at}/data`, all, stop.signal), limit), cancelled);
  });

  test("a reader that goes away holds nothing up", async ({ driver, at }) => {
    await driver.write(`${at}/data`, large);
    for (let round = 0; round < 3; round++) {
      for await (const chunk of driver.open(`${at}/data`, all, signal)) {
        assert.ok(chunk.length > 0);
        break;
      }
    }
    assert.ok(large.equals(await collect(driver.open(`${at}/data`, all, signal), limit)));
  });
}

function appending({ test }: Contract): void {
  test("a file is appended to by one instance after the other", async ({ driver, other, at }) => {
    const path = `${at}/_uploads/data`;
    const cuts = [0, 5, 6, 70_000, 5 << 20, (5 << 20) + 1, 10 << 20, large.length];
    await using created = await driver.appendTo(path, { continuing: false });
    assert.equal(created.size, 0);
    for (const [index, start] of cuts.slice(0, -1).entries()) {
      const end = cuts[index + 1] as number;
      await using file = await (index % 2 === 0 ? other : driver).appendTo(path, { continuing: true });
      assert.equal(file.size, start);
      assert.equal(await file.append(inChunks(large.subarray(start, end), 65_537), signal), end);
      assert.equal(file.size, end);
    }
    await using last = await other.appendTo(path, { continuing: true });
    await last.commit();
    assert.equal((await driver.stat(path))?.size, large.length);
    assert.ok(large.equals(await collect(driver.open(path, all, signal), limit)));
  });

  test("one append takes many chunks, several appends one file", async ({ driver, at }) => {
    await using file = await driver.appendTo(`${at}/data`, { continuing: false });
    const middle = (7 << 20) + 11;
    assert.equal(await file.append(inChunks(large.subarray(0, middle), 1 << 16), signal), middle);
    assert.equal(await file.append(fromBytes(), signal), middle);
    assert.equal(await file.append(fromBytes(large.subarray(middle)), signal), large.length);
    await file.commit();
    assert.ok(large.equals(await collect(driver.open(`${at}/data`, all, signal), limit)));
  });

  test("an empty file can be committed", async ({ driver, other, at }) => {
    await using file = await driver.appendTo(`${at}/data`, { continuing: false });
    await using same = await other.appendTo(`${at}/data`, { continuing: true });
    assert.equal(same.size, 0);
    await file.commit();
    assert.deepEqual(
      { ...(await other.stat(`${at}/data`)), modified: 0 },
      { kind: "file", size: 0, modified: 0 },
    );
    assert.equal((await collect(other.open(`${at}/data`, all, signal), limit)).length, 0);
  });

  test("a new file is empty, whatever was there before", async ({ driver, other, at }) => {
    await using old = await driver.appendTo(`${at}/data`, { continuing: false });
    await old.append(fromBytes(bytes("old and long")), signal);
    await using young = await other.appendTo(`${at}/data`, { continuing: false });
    assert.equal(young.size, 0);
    await young.append(fromBytes(bytes("new")), signal);
    await young.commit();
    assert.equal(await textAt(driver, `${at}/data`), "new");
  });

  test("there is nothing to continue where nothing was begun or all was cancelled", async ({
    driver,
    other,
    at,
  }) => {
    await assert.rejects(driver.appendTo(`${at}/data`, { continuing: true }), notFound);
    await using file = await driver.appendTo(`${at}/data`, { continuing: false });
    await file.append(fromBytes(bytes("something")), signal);
    await file.cancel();
    await assert.rejects(other.appendTo(`${at}/data`, { continuing: true }), notFound);
    assert.equal(await driver.stat(`${at}/data`), undefined);
    assert.equal(await driver.stat(at), undefined);
  });

  test("what came before the source failed stays", async ({ driver, other, at }) => {
    await using file = await driver.appendTo(`${at}/data`, { continuing: false });
    const failing = async function* (): ByteSource {
      yield* inChunks(large.subarray(0, 6 << 20), 1 << 20);
      throw new Error("the client went away");
    };
    await assert.rejects(file.append(failing(), signal), /the client went away/);
    await using same = await other.appendTo(`${at}/data`, { continuing: true });
    assert.ok(same.size <= 6 << 20 && same.size >= 5 << 20, `${same.size} bytes stayed`);
    await same.append(fromBytes(large.subarray(same.size)), signal);
    await same.commit();
    assert.ok(large.equals(await collect(driver.open(`${at}/data`, all, signal), limit)));
  });

  test("an aborted append can be gone on with", async ({ driver, other, at }) => {
    await using file = await driver.appendTo(`${at}/data`, { continuing: false });
    const stop = new AbortController();
    const hanging = async function* (): ByteSource {
      yield large.subarray(0, 100_000);
      stop.abort();
      await new Promise(() => undefined);
    };
    await assert.rejects(file.append(hanging(), stop.signal), cancelled);
    await using same = await other.appendTo(`${at}/data`, { continuing: true });
    await same.append(fromBytes(large.subarray(same.size, 200_000)), signal);
    await same.commit();
    assert.ok(
      large.subarray(0, 200_000).equals(await collect(driver.open(`${at}/data`, all, signal), limit)),
    );
  });

  test("removing an upload's directory ends the upload", async ({ driver, other, at }) => {
    const upload = `${at}/_uploads/${randomUUID()}`;
    await driver.write(`${upload}/startedat`, bytes("2026-01-01T00:00:00Z"));
    await using file = await driver.appendTo(`${upload}/data`, { continuing: false });
    await file.append(fromBytes(bytes("abandoned")), signal);
    await other.remove(upload);
    await assert.rejects(other.appendTo(`${upload}/data`, { continuing: true }), notFound);
    assert.equal(await driver.stat(at), undefined);
  });
}

function trees({ test, many }: Contract): void {
  test("list gives the names directly below, sorted, each with its kind and size", async ({
    driver,
    other,
    at,
  }) => {
    assert.deepEqual(await listed(driver, at), []);
    const names = [
      "a/link",
      "a-b/x/link",
      "a.b/link",
      "a_b/link",
      "b",
      "_layers/sha256/00/link",
      "A",
      "0",
      "zz/link",
    ];
    for (const name of names) await driver.write(`${at}/${name}`, bytes(name));
    const expected = "0 A _layers/ a/ a-b/ a.b/ a_b/ b zz/".split(" ");
    assert.deepEqual(await listed(other, at), expected);
    const sizes = (await Array.fromAsync(other.list(at))).map(({ size }) => size);
    assert.deepEqual(sizes, [1, 1, 0, 0, 0, 0, 0, 1, 0]);
    assert.deepEqual(await listed(other, `${at}/a-b`), ["x/"]);
    assert.deepEqual(await listed(other, `${at}/b`), [], "of a file");
    assert.ok((await listed(driver, "")).includes("docker/"));
  });

  test(`list gives ${many} names, each once`, async ({ driver, other, at }) => {
    const names = Array.from(
      { length: many },
      (_, index) => `${index % 3 === 0 ? "t-" : "t"}${String(index).padStart(5, "0")}`,
    );
    await inBatches(names, 24, (name) => driver.write(`${at}/tags/${name}/current/link`, bytes(name)));
    assert.deepEqual(await listed(other, `${at}/tags`), names.map((name) => `${name}/`).sort());
    await other.remove(`${at}/tags`);
    assert.equal(await driver.stat(at), undefined);
    assert.deepEqual(await listed(driver, `${at}/tags`), []);
  });

  test("remove takes a file or a tree, and nothing that begins alike", async ({ driver, other, at }) => {
    for (const name of ["a", "a-b", "ab/c", "d/e/f", "d/e/g", "d-e/f"])
      await driver.write(`${at}/${name}`, bytes(name));
    await other.remove(`${at}/a`);
    await other.remove(`${at}/d`);
    assert.deepEqual(await listed(driver, at), ["a-b", "ab/", "d-e/"]);
    await driver.remove(`${at}/a`);
    await driver.remove(`${at}/none/at/all`);
    await driver.remove(`${at}/ab/c`);
    await driver.remove(`${at}/a-b`);
    await driver.remove(`${at}/d-e/f`);
    assert.equal(await driver.stat(at), undefined, "a directory goes with what was in it");
  });

  test("names as long and odd as the tree can make them", async ({ driver, other, at }) => {
    const repository = "a.b_c__d-e---f/"
      .repeat(13)
      .slice(0, 190)
      .replace(/[^a-z]+$/, "");
    const hex = "f".repeat(128);
    const tag = `_${"T.-_".repeat(32)}`.slice(0, 128);
    const paths = [
      `_layers/sha512/${hex}/link`,
      `_manifests/tags/${tag}/current/link`,
      "_uploads/x/hashstates/sha256/0",
    ];
    for (const path of paths) await driver.write(`${at}/${repository}/${path}`, bytes(path));
    for (const path of paths) assert.equal(await textAt(other, `${at}/${repository}/${path}`), path);
    assert.deepEqual(await listed(other, `${at}/${repository}/_manifests/tags`), [`${tag}/`]);
    assert.deepEqual(await listed(other, `${at}/${repository}/_layers/sha512`), [`${hex}/`]);
  });
}

function moving({ test }: Contract): void {
  test("move renames, over what is there, and keeps the bytes", async ({ driver, other, at }) => {
    await using file = await driver.appendTo(`${at}/upload/data`, { continuing: false });
    await file.append(inChunks(large, 1 << 20), signal);
    await file.commit();
    await driver.move(`${at}/upload/data`, `${at}/blobs/sha256/ab/data`);
    assert.equal(await other.stat(`${at}/upload`), undefined);
    assert.ok(large.equals(await collect(other.open(`${at}/blobs/sha256/ab/data`, all, signal), limit)));
    await driver.write(`${at}/small`, bytes("small"));
    await other.move(`${at}/small`, `${at}/blobs/sha256/ab/data`);
    assert.equal(await textAt(driver, `${at}/blobs/sha256/ab/data`), "small");
    await assert.rejects(driver.move(`${at}/small`, `${at}/x`), notFound);
    assert.equal(await driver.stat(`${at}/x`), undefined);
  });

  test("what was moved stays when the rest of the upload is removed", async ({ driver, other, at }) => {
    const upload = `${at}/_uploads/${randomUUID()}`;
    await driver.write(`${upload}/startedat`, bytes("2026-01-01T00:00:00Z"));
    await using file = await driver.appendTo(`${upload}/data`, { continuing: false });
    await file.append(fromBytes(large.subarray(0, 1_000_000)), signal);
    await file.commit();
    await driver.move(`${upload}/data`, `${at}/data`);
    await other.remove(upload);
    assert.ok(
      large.subarray(0, 1_000_000).equals(await collect(other.open(`${at}/data`, all, signal), limit)),
    );
  });

  test("a committed file moves while others read what it replaces", async ({ driver, other, at }) => {
    const old = Buffer.alloc(50_000, "o");
    await driver.write(`${at}/data`, old);
    const done = new AbortController();
    const reading = (async () => {
      do {
        const seen = await other.read(`${at}/data`);
        assert.ok(seen?.length === 50_000 || seen?.length === 60_000, `${seen?.length} bytes were seen`);
      } while (!done.signal.aborted);
    })();
    for (let round = 0; round < 4; round++) {
      await using file = await driver.appendTo(`${at}/upload`, { continuing: false });
      await file.append(fromBytes(Buffer.alloc(60_000, "y")), signal);
      await file.commit();
      await driver.move(`${at}/upload`, `${at}/data`);
    }
    done.abort();
    await reading;
  });

  test("a redirect URL gives the bytes to whoever has it", async ({ driver, at }) => {
    await driver.write(`${at}/data`, bytes("signed"));
    const url = await driver.redirectUrl?.(`${at}/data`, { method: "GET" });
    if (url === undefined) return;
    const response = await fetchSteadily(url, { headers: { Range: "bytes=1-3" } });
    assert.deepEqual([response.status, await response.text()], [206, "ign"]);
    const head = await driver.redirectUrl?.(`${at}/data`, { method: "HEAD" });
    assert.equal((await fetchSteadily(head as string, { method: "HEAD" })).status, 200);
    assert.ok((await fetchSteadily(url.replace(/data\?/, "date?"))).status >= 400, "for this file only");
  });
}

function faults({ test }: Contract): void {
  for (const fault of ["before", "after"] as const) {
    test(`a fault ${fault} any call leaves old or new, and the next attempt works`, async ({
      driver,
      other,
      at,
    }) => {
      const methods = ["write", "writeNew", "appendTo", "append", "commit", "move", "remove"] as const;
      for (const method of methods) await failOnce(driver, other, `${at}/${method}`, method, fault);
    });
  }

  test("a fault in the middle of an append loses nothing that was said to be there", async ({
    driver,
    other,
    at,
  }) => {
    const faulty = faultyDriver(driver, ({ method, number }) =>
      method === "append" && number === 2 ? "middle" : undefined,
    );
    await using file = await faulty.appendTo(`${at}/data`, { continuing: false });
    await assert.rejects(
      file.append(fromBytes(large.subarray(0, 200_000)), signal),
      /injected fault at append/,
    );
    await using same = await other.appendTo(`${at}/data`, { continuing: true });
    assert.ok(same.size <= 100_000);
    await same.append(fromBytes(large.subarray(same.size, 200_000)), signal);
    await same.commit();
    assert.ok(large.subarray(0, 200_000).equals(await collect(other.open(`${at}/data`, all, signal), limit)));
  });
}

/** Writes an upload and moves it in place with one fault on the way, then once more. */
async function failOnce(
  driver: StorageDriver,
  other: StorageDriver,
  at: string,
  failing: string,
  fault: StorageFault,
): Promise<void> {
  let failed = 0;
  const faulty = faultyDriver(driver, ({ method }) =>
    method === failing && failed++ === 0 ? fault : undefined,
  );
  await other.write(`${at}/target`, bytes("old"));
  const run = async () => {
    await faulty.write(`${at}/upload/startedat`, bytes("now"));
    await faulty.writeNew(`${at}/mark`, bytes("mark"));
    await using file = await faulty.appendTo(`${at}/upload/data`, { continuing: false });
    await file.append(fromBytes(bytes("new content")), signal);
    await file.commit();
    await faulty.move(`${at}/upload/data`, `${at}/target`);
    await faulty.remove(`${at}/upload`);
  };
  await assert.rejects(run(), /injected fault/, failing);
  const between = await textAt(other, `${at}/target`);
  assert.ok(between === "old" || between === "new content", `${failing} left ${between}`);
  await run();
  assert.equal(failed > 0, true);
  assert.equal(await textAt(other, `${at}/target`), "new content");
  assert.equal(await textAt(other, `${at}/mark`), "mark");
  assert.deepEqual(await listed(other, at), ["mark", "target"]);
}

async function textAt(driver: StorageDriver, path: string): Promise<string | undefined> {
  const content = await driver.read(path);
  return content && Buffer.from(content).toString();
}

/** A suite may run over a line that fails. */
async function fetchSteadily(url: string, init: RequestInit = {}): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    const response = await fetch(url, init).catch(() => undefined);
    if (response !== undefined && response.status !== 503) {
      const body = await response.text().catch(() => undefined);
      if (body !== undefined) return new Response(body, { status: response.status });
    }
    if (attempt === 5) throw new Error(`no answer from ${url}`);
  }
}

async function listed(driver: StorageDriver, path: string): Promise<string[]> {
  const entries: StorageEntry[] = await Array.fromAsync(driver.list(path));
  return entries.map(({ name, kind }) => (kind === "directory" ? `${name}/` : name));
}

async function* inChunks(content: Uint8Array, size: number): ByteSource {
  for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size);
}

async function inBatches<T>(
  items: readonly T[],
  size: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  for (let at = 0; at < items.length; at += size) await Promise.all(items.slice(at, at + size).map(work));
}

const notFound = (error: unknown): boolean => isFailure(error, "not-found");
const cancelled = (error: unknown): boolean => isFailure(error, "cancelled");
