/**
 * A sample storage driver: everything in one SQLite file. (Outside this repository its types come from "varve/registry".)
 * The contract is written on `StorageDriver`; the suite that all drivers pass is `test/suites/storage_driver_suite.ts`.
 *
 *     storage:
 *       custom:
 *         module: ./storage_driver.ts
 *         options: {file: /var/lib/registry.db}
 */
import { DatabaseSync } from "node:sqlite";
import { abortable } from "../src/bytes/index.ts";
import { Failure } from "../src/errors.ts";
import type { AppendableFile, StorageDriver, StorageEntry } from "../src/registry/index.ts";

type Row = { path: string; size: number; modified: number; bytes: Uint8Array };

/** The registry calls this once, with the configuration's `options`. What it throws ends the start. */
export default function openDriver({ file }: { readonly file: string }): StorageDriver {
  const db = new DatabaseSync(file);
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 10000;
    CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, bytes BLOB, modified INT, whole INT) WITHOUT ROWID`);
  const run = (sql: string, ...values: (string | number | Uint8Array)[]) =>
    db.prepare(sql).run(...values).changes;
  const one = (path: string, whole = 1) =>
    db
      .prepare("SELECT path, bytes, length(bytes) size, modified FROM files WHERE path = ? AND whole >= ?")
      .get(path, whole) as Row | undefined;
  const below = (path: string) =>
    // "0" comes after "/": the range holds what begins with the path and a slash
    db
      .prepare(
        "SELECT path, length(bytes) size, modified FROM files WHERE path > ? AND path < ? AND whole >= ?",
      )
      .all(path && `${path}/`, path ? `${path}0` : "\u{10ffff}", 1) as unknown as Row[];
  const put = (verb: string, path: string, bytes: Uint8Array, whole = 1) =>
    run(`INSERT OR ${verb} INTO files VALUES (?, ?, ?, ?)`, path, bytes, Date.now(), whole) > 0;
  const missing = (path: string) => new Failure("not-found", `there is no file ${path}`);

  const upload = (path: string): AppendableFile => ({
    get size() {
      return one(path, 0)?.size ?? 0;
    },
    async append(source, signal) {
      let held: Uint8Array[] = [];
      let size = 0;
      // Each write copies what is there already.
      const writeHeld = () => {
        const extended = "UPDATE files SET bytes = CAST(bytes || ? AS BLOB), modified = ? WHERE path = ?";
        run(extended, Buffer.concat(held), Date.now(), path);
        [held, size] = [[], 0];
      };
      try {
        for await (const chunk of abortable(source, signal)) {
          held.push(chunk);
          size += chunk.length;
          if (size >= 8 << 20) writeHeld();
        }
      } finally {
        writeHeld();
      }
      return one(path, 0)?.size ?? 0;
    },
    commit: async () => void run("UPDATE files SET whole = 1 WHERE path = ?", path),
    cancel: async () => void run("DELETE FROM files WHERE path = ?", path),
    [Symbol.asyncDispose]: async () => undefined,
  });

  return {
    name: "sqlite",
    read: async (path) => one(path)?.bytes,
    write: async (path, bytes) => void put("REPLACE", path, bytes),
    writeNew: async (path, bytes) => put("IGNORE", path, bytes),
    async stat(path) {
      const row = one(path);
      if (row) return { kind: "file", size: row.size, modified: row.modified };
      return below(path).length > 0 ? { kind: "directory", size: 0, modified: 0 } : undefined;
    },
    async *open(path, { start, end }, signal) {
      const row = one(path);
      if (!row) throw missing(path);
      for (let at = start; at <= Math.min(end, row.size - 1); at += 1 << 20) {
        if (signal.aborted) throw new Failure("cancelled", "context canceled");
        yield row.bytes.subarray(at, Math.min(at + (1 << 20), end + 1));
      }
      if (signal.aborted) throw new Failure("cancelled", "context canceled");
    },
    async appendTo(path, { continuing }) {
      if (!continuing) put("REPLACE", path, new Uint8Array(), 0);
      else if (!one(path, 0)) throw missing(path);
      return upload(path);
    },
    async *list(path) {
      const entries = new Map<string, StorageEntry>();
      for (const { path: full, size, modified } of below(path)) {
        const [name = "", ...rest] = full.slice(path && path.length + 1).split("/");
        const file = { name, kind: "file", size, modified } as const;
        entries.set(name, rest.length === 0 ? file : { name, kind: "directory", size: 0, modified: 0 });
      }
      yield* [...entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    async move(from, to) {
      if (run("UPDATE OR REPLACE files SET path = ? WHERE path = ? AND whole = 1", to, from) === 0)
        throw missing(from);
    },
    remove: async (path) =>
      void run("DELETE FROM files WHERE path = ? OR (path > ? AND path < ?)", path, `${path}/`, `${path}0`),
    close: async () => db.close(),
  };
}
