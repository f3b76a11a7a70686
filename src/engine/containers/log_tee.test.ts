import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { scratch } from "../../../test/suites/scratch.ts";
import { JsonFileLog } from "../../runtime/index.ts";
import { LogTee } from "./log_tee.ts";

const openLog = (path: string): LogTee => new LogTee(new JsonFileLog(path));

interface Line {
  readonly log: string;
  readonly stream: string;
  readonly time: string;
}

const linesOf = (path: string): Line[] =>
  readFileSync(path, "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);

async function write(to: Writable, ...chunks: (string | Buffer)[]): Promise<void> {
  for (const chunk of chunks) await new Promise<void>((resolve) => void to.write(chunk, () => resolve()));
}

test("B154 output is passed on as it is, and recorded line by line", async () => {
  using directory = scratch("log");
  const path = join(directory.path, "x-json.log");
  const [out, err] = [new PassThrough(), new PassThrough()];
  const printed = Promise.all([text(out), text(err)]);
  {
    using log = openLog(path);
    const [stdout, stderr] = [log.tee("stdout", out), log.tee("stderr", err)];
    await write(stdout, "one\ntw", "o\n\n", "rest");
    await write(stderr, "<err>\n");
  }
  out.end();
  err.end();
  assert.deepEqual(await printed, ["one\ntwo\n\nrest", "<err>\n"]);
  assert.deepEqual(
    linesOf(path).map(({ log, stream }) => [stream, log]),
    [
      ["stdout", "one\n"],
      ["stdout", "two\n"],
      ["stdout", "\n"],
      ["stderr", "<err>\n"],
      ["stdout", "rest"],
    ],
  );
  for (const { time } of linesOf(path)) assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d*[1-9])?Z$/);
  assert.equal(
    readFileSync(path, "utf8").split("\n")[0]?.startsWith('{"log":"one\\n","stream":"stdout","time":"20'),
    true,
  );
  assert.equal(statSync(path).mode & 0o777, 0o640);
});

test("B154 a second run is written behind the first", async () => {
  using directory = scratch("log");
  const path = join(directory.path, "x-json.log");
  for (const word of ["first\n", "second\n"]) {
    using log = openLog(path);
    await write(log.tee("stdout", new PassThrough().resume()), word);
  }
  assert.deepEqual(
    linesOf(path).map(({ log }) => log),
    ["first\n", "second\n"],
  );
});

test("B154 lines over 16 KiB are cut into several records; characters stay whole", async () => {
  using directory = scratch("log");
  const path = join(directory.path, "x-json.log");
  const long = `${"a".repeat(40_000)}\n`;
  const accents = Buffer.from("é€😀\n");
  {
    using log = openLog(path);
    const stdout = log.tee("stdout", new PassThrough().resume());
    await write(stdout, long, ...[...accents].map((byte) => Buffer.from([byte])), Buffer.from([0xff, 0x0a]));
  }
  const lines = linesOf(path).map(({ log }) => log);
  assert.deepEqual(
    lines.slice(0, 3).map(({ length }) => length),
    [16_384, 16_384, 40_001 - 2 * 16_384],
  );
  assert.equal(lines.slice(0, 3).join(""), long);
  assert.deepEqual(lines.slice(3), ["é€😀\n", "\ufffd\n"]);
});

test("a reader that takes nothing holds the writer back", async () => {
  using directory = scratch("log");
  const slow = new PassThrough({ highWaterMark: 10 });
  using log = openLog(join(directory.path, "x-json.log"));
  const stdout = log.tee("stdout", slow);
  let written = false;
  stdout.write("x".repeat(100), () => (written = true));
  await new Promise(setImmediate);
  assert.equal(written, false);
  slow.resume();
  await once(slow, "drain");
  await write(stdout, "");
  assert.equal(written, true);
});

test("a reader that goes away ends the stream for whoever writes", async () => {
  using directory = scratch("log");
  const gone = new PassThrough();
  using log = openLog(join(directory.path, "x-json.log"));
  const stdout = log.tee("stdout", gone);
  const failed = once(stdout, "error");
  gone.destroy(new Error("EPIPE"));
  assert.equal(((await failed)[0] as Error).message, "EPIPE");
});

test("a terminal is passed through: its kind, its size and changes of that", async () => {
  using directory = scratch("log");
  const terminal = Object.assign(new PassThrough(), { isTTY: true, columns: 80, rows: 25 });
  using log = openLog(join(directory.path, "x-json.log"));
  const stdout = log.tee("stdout", terminal) as Writable & { isTTY: boolean; columns: number; rows: number };
  assert.deepEqual([stdout.isTTY, stdout.columns, stdout.rows], [true, 80, 25]);
  let resized = 0;
  stdout.on("resize", () => resized++);
  Object.assign(terminal, { columns: 100 });
  terminal.emit("resize");
  assert.deepEqual([resized, stdout.columns], [1, 100]);
});

test(
  "a full disk ends the log and nothing else",
  { skip: existsSync("/dev/full") ? false : "needs /dev/full" },
  async () => {
    const out = new PassThrough();
    const printed = text(out);
    {
      using log = openLog("/dev/full");
      const stdout = log.tee("stdout", out);
      for (let i = 0; i < 100; i++) await write(stdout, `${"x".repeat(1000)}\n`);
    }
    out.end();
    assert.equal((await printed).length, 100 * 1001);
  },
);
