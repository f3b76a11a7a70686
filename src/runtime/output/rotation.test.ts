/** Logs that are rotated while they are written, read and followed. */
import assert from "node:assert/strict";
import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  watch,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { scratch } from "../../../test/suites/scratch.ts";
import { JsonFileLog } from "./json_file_log.ts";
import { LocalLog } from "./local_log.ts";
import type { Rotation } from "./log_options.ts";
import { jsonFileFormat, localFormat, readLog, type LogQuery, type LogRecord } from "./read/index.ts";
import type { LogWriter } from "./types.ts";

const both = ["stdout", "stderr"] as const;
const plain = { maxSize: 200, maxFiles: 3, compress: false };

const kinds = {
  "json-file": {
    format: jsonFileFormat,
    open: (path: string, rotation: Rotation): LogWriter => new JsonFileLog(path, { rotation }),
  },
  local: {
    format: localFormat,
    open: (path: string, rotation: Rotation): LogWriter => new LocalLog(path, rotation),
  },
};

/** As `ContainerOutput` does: the position first. */
function print(log: LogWriter, text: string, time: number): void {
  log.position();
  log.append([{ stream: "stdout", time: BigInt(time), bytes: Buffer.from(text) }]);
}

async function all(records: AsyncIterable<LogRecord[]>): Promise<string[]> {
  const lines: string[] = [];
  for await (const some of records) lines.push(...some.map(({ bytes }) => Buffer.from(bytes).toString()));
  return lines;
}

const numbered = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index}\n`);

for (const [name, { format, open }] of Object.entries(kinds)) {
  describe(`a log of the driver ${name}`, () => {
    function fixture(rotation: Rotation = plain) {
      const place = scratch("rotation");
      const path = join(place.path, "log");
      const read = (query: Partial<LogQuery> = {}): Promise<string[]> =>
        all(readLog({ path, format, changed: undefined }, { streams: both, ...query }));
      return {
        path,
        read,
        open: () => open(path, rotation),
        [Symbol.dispose]: () => place[Symbol.dispose](),
      };
    }

    test("is rotated when it is full, keeps so many files, and is read from the oldest", async () => {
      using place = fixture();
      using log = place.open();
      for (let line = 1; line <= 60; line++) print(log, `line ${line}\n`, line);
      const names = readdirSync(join(place.path, "..")).sort();
      assert.deepEqual(names, ["log", "log.1", "log.2"]);
      const lines = await place.read();
      assert.deepEqual(lines, numbered(61 - lines.length, 60));
      assert.equal(lines.length >= 6, true);
      for (const tail of [0, 1, 2, 5, 6, 1000]) {
        assert.deepEqual(await place.read({ tail }), tail === 0 ? [] : lines.slice(-tail));
      }
      assert.deepEqual(await place.read({ since: 57n, until: 59n }), numbered(57, 59));
      assert.deepEqual(await place.read({ streams: ["stderr"] }), []);
    });

    test("with one file begins anew", async () => {
      using place = fixture({ ...plain, maxFiles: 1 });
      using log = place.open();
      for (let line = 1; line <= 30; line++) print(log, `line ${line}\n`, line);
      const lines = await place.read();
      assert.deepEqual(lines, numbered(31 - lines.length, 30));
      assert.deepEqual(readdirSync(join(place.path, "..")), ["log"]);
    });

    test("with one file, whoever follows goes on where it begins anew", async () => {
      using place = fixture({ ...plain, maxFiles: 1 });
      using log = place.open();
      print(log, "line 1\n", 1);
      let printed = 1;
      const changed = async (): Promise<boolean> => {
        print(log, `line ${++printed}\n`, printed);
        return printed < 40;
      };
      const lines = await all(readLog({ path: place.path, format, changed }, { streams: both }));
      assert.deepEqual(lines, numbered(1, printed));
    });

    test("an older file that goes while the files are opened hides no younger one", async () => {
      using place = fixture();
      using log = place.open();
      for (let line = 1; line <= 12; line++) print(log, `line ${line}\n`, line);
      const lines = await place.read();
      rmSync(`${place.path}.2`, { force: true });
      symlinkSync("gone", `${place.path}.2`);
      const left = await place.read();
      assert.ok(left.length > 0);
      assert.deepEqual(left, lines.slice(-left.length));
    });

    test("a gap that a kill left in the numbers is filled first", async () => {
      using place = fixture({ ...plain, maxFiles: 9 });
      {
        using log = place.open();
        for (let line = 1; line <= 12; line++) print(log, `line ${line}\n`, line);
      }
      const before = await place.read();
      // Killed between `log` → `log.1` and the new `log`: nothing is written, then comes another writer.
      const old = readdirSync(join(place.path, ".."));
      for (let number = old.length - 1; number >= 1; number--)
        renameSync(`${place.path}.${number}`, `${place.path}.${number + 1}`);
      using log = place.open();
      for (let line = 13; line <= 14; line++) print(log, `line ${line}\n`, line);
      assert.deepEqual(await place.read(), [...before, ...numbered(13, 14)]);
    });

    test("older files are compressed meanwhile, and read as they were", async () => {
      using place = fixture({ ...plain, compress: true });
      using log = place.open();
      const compressed = new Promise<void>((resolve) => {
        const watcher = watch(join(place.path, ".."), () => {
          const names = readdirSync(join(place.path, ".."));
          if (!names.includes("log.1.gz") || names.includes("log.1")) return;
          watcher.close();
          resolve();
        });
      });
      let line = 0;
      while (!existsSync(`${place.path}.1`)) print(log, `line ${++line}\n`, line);
      await compressed;
      assert.equal(gunzipSync(readFileSync(`${place.path}.1.gz`)).length >= 200, true);
      assert.deepEqual(await place.read(), numbered(1, line));
      assert.deepEqual(await place.read({ tail: 3 }), numbered(line - 2, line));
    });

    test("what a kill has left half written is no line, and is none when it has been cut off", async () => {
      using place = fixture({ ...plain, maxSize: undefined });
      const size = ((): number => {
        using log = place.open();
        for (let line = 1; line <= 3; line++) print(log, `line ${line}\n`, line);
        return log.position();
      })();
      const whole = readFileSync(place.path);
      writeFileSync(place.path, Buffer.concat([whole, whole.subarray(0, 20)]));
      assert.deepEqual(await place.read(), numbered(1, 3));
      assert.deepEqual(await place.read({ tail: 2 }), numbered(2, 3));
      using log = place.open();
      log.truncate(size);
      print(log, "line 4\n", 4);
      assert.deepEqual(await place.read({ tail: 2 }), numbered(3, 4));
    });

    test("whoever follows misses no line and sees none twice, however often it is rotated", async () => {
      using place = fixture({ ...plain, maxFiles: 40 });
      using log = place.open();
      print(log, "line 1\n", 1);
      const rounds = [1, 3, 40, 2, 50, 1, 7];
      let printed = 1;
      const changed = async (): Promise<boolean> => {
        for (let count = rounds.shift() ?? 0; count > 0; count--) print(log, `line ${++printed}\n`, printed);
        return rounds.length > 0;
      };
      const lines = await all(readLog({ path: place.path, format, changed }, { streams: both, tail: 1 }));
      assert.deepEqual(lines, numbered(1, printed));
    });

    test("whoever follows goes on by the time where the file he read has been compressed", async () => {
      using place = fixture({ ...plain, maxFiles: 40 });
      let log: LogWriter | undefined = place.open();
      print(log, "line 1\n", 1);
      let printed = 1;
      const rounds = [1, 1];
      const changed = async (): Promise<boolean> => {
        rounds.pop();
        log ??= place.open();
        while (!existsSync(`${place.path}.1`)) print(log, `line ${++printed}\n`, printed);
        writeFileSync(`${place.path}.1.gz`, gzipSync(readFileSync(`${place.path}.1`)));
        rmSync(`${place.path}.1`);
        return rounds.length > 0;
      };
      const lines = await all(readLog({ path: place.path, format, changed }, { streams: both }));
      log[Symbol.dispose]();
      assert.deepEqual(lines, numbered(1, printed));
    });
  });
}

test("B178 labels and variables stand in each line of json-file, in Docker's order", () => {
  using place = scratch("rotation");
  const path = join(place.path, "log");
  using log = new JsonFileLog(path, { attributes: { tag: "x", A: "<b>" } });
  print(log, "hi\n", 1_500_000_000_120_000_000);
  assert.equal(
    readFileSync(path, "utf8"),
    String.raw`{"log":"hi\n","stream":"stdout","attrs":{"A":"\u003cb\u003e","tag":"x"},"time":"2017-07-14T02:40:00.12Z"}` +
      "\n",
  );
});
