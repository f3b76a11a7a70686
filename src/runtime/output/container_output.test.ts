/** Output that survives the death of its reader at any point. */
import assert from "node:assert/strict";
import { closeSync, constants, existsSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { scratch } from "../../../test/suites/scratch.ts";
import { makeFifo } from "../fifo.ts";
import { ContainerOutput } from "./container_output.ts";
import { JsonFileLog } from "./json_file_log.ts";
import { LocalLog } from "./local_log.ts";
import { jsonFileFormat, localFormat, readLog } from "./read/index.ts";
import type { LogLine, LogWriter, OutputListener, OutputStream } from "./types.ts";

const skip = process.platform === "linux" ? false : "FIFOs are tapped by tee(2), which only Linux has";

function fixture(names: readonly OutputStream[] = ["stdout", "stderr"]) {
  const place = scratch("output");
  for (const name of names) makeFifo(join(place.path, name));
  const log = join(place.path, "log");
  return {
    [Symbol.dispose]: () => place[Symbol.dispose](),
    bundle: place.path,
    log,
    /** Read-write, so that it need not wait for a reader; what is written stays in the FIFO while it is open. */
    write: (name: OutputStream) => openSync(join(place.path, name), constants.O_RDWR | constants.O_NONBLOCK),
    logged: () =>
      readFileSync(log, "utf8")
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as { log: string; stream: string; time: string }),
  };
}

/** A log whose process is killed in the midst of a batch; with -1 as soon as it has been rotated. */
class DyingLog implements LogWriter {
  readonly #log: LogWriter;
  readonly #dieAfter: number;

  constructor(log: LogWriter, dieAfter: number) {
    this.#log = log;
    this.#dieAfter = dieAfter;
  }

  position = (): number => {
    const position = this.#log.position();
    if (this.#dieAfter < 0) throw new Error("killed");
    return position;
  };
  truncate = (position: number): void => this.#log.truncate(position);
  append(lines: readonly LogLine[]): void {
    this.#log.append(lines.slice(0, this.#dieAfter));
    throw new Error("killed");
  }
  [Symbol.dispose](): void {
    this.#log[Symbol.dispose]();
  }
}

const rotation = { maxSize: 300, maxFiles: 99, compress: false };

class Dying implements OutputListener {
  write(): undefined {
    throw new Error("killed");
  }
  end(): void {}
}

describe("the output of a container", { skip }, () => {
  test("lines of both streams are logged, also a last one without an end", async () => {
    using place = fixture();
    const [out, err] = [place.write("stdout"), place.write("stderr")];
    using log = new JsonFileLog(place.log);
    using output = new ContainerOutput({ bundle: place.bundle, log });
    const heard: string[] = [];
    output.listen({
      write: (stream, bytes) => void heard.push(`${stream}:${Buffer.from(bytes).toString()}`),
      end: () => heard.push("end"),
    });
    const running = output.run();
    writeSync(out, "one\ntw");
    writeSync(err, "wrong");
    closeSync(out);
    closeSync(err);
    await running;
    assert.deepEqual(
      place.logged().map(({ log, stream }) => [stream, log]),
      [
        ["stdout", "one\n"],
        ["stdout", "tw"],
        ["stderr", "wrong"],
      ],
    );
    assert.deepEqual(heard.sort(), ["end", "stderr:wrong", "stdout:one\ntw"]);
    assert.match(place.logged()[0]?.time ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}Z$/);
  });

  test("a line of more than 16 KiB becomes several, and their bytes are all there", async () => {
    using place = fixture(["stdout"]);
    const out = place.write("stdout");
    using log = new JsonFileLog(place.log);
    using output = new ContainerOutput({ bundle: place.bundle, log });
    writeSync(out, `${"x".repeat(40_000)}\n`);
    await output.drain();
    closeSync(out);
    assert.deepEqual(
      place.logged().map((line) => line.log.length),
      [16_384, 16_384, 7233],
    );
  });

  for (const [title, die] of [
    ["before anything was logged", (path: string) => ({ log: new DyingLog(new JsonFileLog(path), 0) })],
    [
      "when one line of three was logged",
      (path: string) => ({ log: new DyingLog(new JsonFileLog(path), 1) }),
    ],
    [
      "when all was logged and was still in the FIFO",
      (path: string) => ({ log: new JsonFileLog(path), listener: new Dying() }),
    ],
  ] as const) {
    test(`a reader that dies ${title} leaves each line to be logged once`, async () => {
      using place = fixture(["stdout"]);
      const out = place.write("stdout");
      const lines = ["a\n", "a\n", "b\n"];
      writeSync(out, "whole\nbegun ");
      {
        using log = new JsonFileLog(place.log);
        using first = new ContainerOutput({ bundle: place.bundle, log });
        await first.drain().catch(assert.fail);
      }
      writeSync(out, lines.join(""));
      {
        const parts: { log: LogWriter; listener?: OutputListener } = die(place.log);
        using log = parts.log;
        using killed = new ContainerOutput({ bundle: place.bundle, log });
        if (parts.listener !== undefined) killed.listen(parts.listener);
        await assert.rejects(killed.drain(), { message: "killed" });
      }
      writeSync(out, "after\n");
      using log = new JsonFileLog(place.log);
      using next = new ContainerOutput({ bundle: place.bundle, log });
      const running = next.run();
      closeSync(out);
      await running;
      assert.deepEqual(
        place.logged().map((line) => line.log),
        ["whole\n", "begun ", ...lines, "after\n"],
      );
    });
  }

  for (const [kind, open] of [
    ["json-file", (path: string) => new JsonFileLog(path, { rotation })],
    ["local", (path: string) => new LocalLog(path, rotation)],
  ] as const) {
    test(`each line is in a rotated log of ${kind} once, at whatever line its writers are killed`, async () => {
      using place = fixture(["stdout"]);
      const out = place.write("stdout");
      const written: string[] = [];
      for (let round = 0; round < 40; round++) {
        const lines = Array.from({ length: (round % 3) + 1 }, (_, index) => `${round} ${index}\n`);
        written.push(...lines);
        writeSync(out, lines.join(""));
        // Dies in the midst of this batch; the next one begins with what is left of it.
        using log = new DyingLog(open(place.log), (round % 5) - 1);
        using killed = new ContainerOutput({ bundle: place.bundle, log });
        await assert.rejects(killed.drain(), { message: "killed" });
        if (round % 2 === 0) continue;
        using whole = open(place.log);
        using next = new ContainerOutput({ bundle: place.bundle, log: whole });
        await next.drain();
      }
      using log = open(place.log);
      using last = new ContainerOutput({ bundle: place.bundle, log });
      closeSync(out);
      await last.drain();
      const format = kind === "local" ? localFormat : jsonFileFormat;
      const read: string[] = [];
      for await (const records of readLog(
        { path: place.log, format, changed: undefined },
        { streams: ["stdout"] },
      ))
        read.push(...records.map(({ bytes }) => Buffer.from(bytes).toString()));
      assert.deepEqual(read, written);
      assert.equal(existsSync(`${place.log}.1`), true);
    });
  }

  test("a line that was begun before the kill is one line after it", async () => {
    using place = fixture(["stdout"]);
    const out = place.write("stdout");
    {
      using log = new JsonFileLog(place.log);
      using killed = new ContainerOutput({ bundle: place.bundle, log });
      const [promise, began] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      killed.listen({ write: () => (began.resolve(), promise.promise), end: () => undefined });
      killed.run().catch(assert.fail);
      writeSync(out, "first ha");
      await began.promise;
    }
    writeSync(out, "lf\n");
    using log = new JsonFileLog(place.log);
    using next = new ContainerOutput({ bundle: place.bundle, log });
    closeSync(out);
    await next.drain();
    assert.deepEqual(
      place.logged().map((line) => line.log),
      ["first half\n"],
    );
  });

  test("who leaves a line that has no end yet logs nothing of it, and ends nobody's listening", async () => {
    using place = fixture(["stdout"]);
    const out = place.write("stdout");
    using log = new JsonFileLog(place.log);
    const output = new ContainerOutput({ bundle: place.bundle, log });
    const told: string[] = [];
    const began = Promise.withResolvers<void>();
    output.listen({ write: () => (began.resolve(), undefined), end: () => told.push("end") });
    const running = output.run();
    writeSync(out, "$ ");
    await began.promise;
    output[Symbol.dispose]();
    await running;
    // Its descriptors are somebody else's by now.
    output[Symbol.dispose]();
    assert.deepEqual([place.logged(), told], [[], []]);
    using next = new ContainerOutput({ bundle: place.bundle, log });
    writeSync(out, "ls\n");
    closeSync(out);
    await next.drain();
    assert.deepEqual(
      place.logged().map((line) => line.log),
      ["$ ls\n"],
    );
  });

  test("who leaves in the midst of what a container has left takes no more of it", async () => {
    using place = fixture(["stdout"]);
    const out = place.write("stdout");
    const output = new ContainerOutput({ bundle: place.bundle, log: undefined });
    const [began, slow] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    output.listen({ write: () => (began.resolve(), slow.promise), end: () => undefined });
    writeSync(out, "begun");
    const draining = output.drain();
    await began.promise;
    output[Symbol.dispose]();
    slow.resolve();
    await draining;
    closeSync(out);
  });

  test("a listener that is slow holds the output back", async () => {
    using place = fixture(["stdout"]);
    const out = place.write("stdout");
    using output = new ContainerOutput({ bundle: place.bundle, log: undefined });
    const heard: string[] = [];
    const first = Promise.withResolvers<void>();
    const slow = Promise.withResolvers<void>();
    output.listen({
      write: (_stream, bytes) => {
        heard.push(Buffer.from(bytes).toString());
        first.resolve();
        return heard.length === 1 ? slow.promise : undefined;
      },
      end: () => undefined,
    });
    const running = output.run();
    writeSync(out, "one");
    await first.promise;
    writeSync(out, "two");
    await new Promise(setImmediate);
    assert.deepEqual(heard, ["one"]);
    slow.resolve();
    closeSync(out);
    await running;
    assert.deepEqual(heard, ["one", "two"]);
  });
});
