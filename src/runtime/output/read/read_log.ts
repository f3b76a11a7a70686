/** Reading a log: from its end, between two times, on and on; in pieces, however long it is. */
import type { OutputStream } from "../types.ts";
import type { LogFormat, LogRecord } from "./log_format.ts";
import { LogFile, openLogFiles } from "./log_files.ts";
import { RecordReader } from "./record_reader.ts";

export interface LogQuery {
  /** How many of the last lines; undefined: all. */
  readonly tail?: number | undefined;
  /** Nanoseconds since 1970. */
  readonly since?: bigint | undefined;
  readonly until?: bigint | undefined;
  readonly streams: readonly OutputStream[];
}

export interface LogPlace {
  /** The file that is written now; its elders lie beside it. */
  readonly path: string;
  readonly format: LogFormat;
  /**
   * For whoever waits for more: resolves when there may be some; false: what is there now is all. A change between two
   * calls counts. Undefined: there is no waiting.
   */
  readonly changed: (() => Promise<boolean>) | undefined;
}

/** Lines in the order in which they were logged, some at a time. @throws Failure("corrupt") */
export async function* readLog(place: LogPlace, query: LogQuery): AsyncGenerator<LogRecord[]> {
  using open = new DisposableStack();
  const files = openLogFiles(place.path).map((file) => open.use(file));
  const range = new Range(query);
  let current: Followed | undefined;
  for (const { file, start, skip } of await lastLines(files, place.format, query.tail)) {
    if (range.isOver) return;
    const old = file !== files.at(-1) && query.since !== undefined;
    if (old && file.modified < Number(query.since / 1_000_000n)) continue;
    file.at = start;
    current = followed(file, place.format);
    yield* recordsOf(current, range, skip);
  }
  if (place.changed !== undefined) yield* follow(place, place.changed, current, range);
}

interface Part {
  readonly file: LogFile;
  readonly start: number;
  /** Records to pass over. */
  readonly skip: number;
}

/** From which place in which file on the last `count` records stand. */
async function lastLines(
  files: readonly LogFile[],
  format: LogFormat,
  count: number | undefined,
): Promise<Part[]> {
  if (count === undefined) return files.map((file) => ({ file, start: 0, skip: 0 }));
  const parts: Part[] = [];
  let wanted = count;
  for (const file of files.toReversed()) {
    // The youngest is looked at in any case: whoever follows goes on from there.
    if (wanted === 0 && parts.length > 0) break;
    const { found, ...part } = file.compressed
      ? await findLastPacked(file, format, wanted)
      : { ...format.findLast(file.fd, file.size, wanted), skip: 0 };
    parts.unshift({ file, ...part });
    wanted -= found;
  }
  return parts;
}

async function findLastPacked(file: LogFile, format: LogFormat, count: number) {
  const reader = new RecordReader(format);
  let all = 0;
  for await (const chunk of file.read()) all += reader.add(chunk).length;
  const found = Math.min(all, count);
  return { start: 0, skip: all - found, found };
}

async function* recordsOf({ file, reader }: Followed, range: Range, skip = 0): AsyncGenerator<LogRecord[]> {
  let passOver = skip;
  for await (const chunk of file.read()) {
    const records = reader.add(chunk);
    const wanted = range.choose(records.slice(passOver));
    passOver = Math.max(0, passOver - records.length);
    if (wanted.length > 0) yield wanted;
    if (range.isOver) return;
  }
}

async function* follow(
  place: LogPlace,
  changed: () => Promise<boolean>,
  begun: Followed | undefined,
  range: Range,
): AsyncGenerator<LogRecord[]> {
  let current = begun;
  const opened = new Set<LogFile>();
  try {
    for (let more = true; more && !range.isOver;) {
      more = await changed();
      if (current !== undefined) yield* recordsOf(current, range);
      for (;;) {
        const { next, isKnown } = nextFile(place.path, current?.file);
        if (next === undefined) break;
        opened.add(next);
        // It is not written any more, but may have been since it was read.
        if (current !== undefined) yield* recordsOf(current, range);
        if (range.isOver) return;
        // Compressed by now, or gone: of what is compressed the time tells what is younger; what is not is.
        if (!isKnown && next.compressed) range.passReadOver();
        if (current !== undefined && opened.delete(current.file)) current.file[Symbol.dispose]();
        current = followed(next, place.format);
        yield* recordsOf(current, range);
      }
    }
  } finally {
    for (const file of opened) file[Symbol.dispose]();
  }
}

interface Followed {
  readonly file: LogFile;
  /** Keeps what has come of a record that is not whole. */
  readonly reader: RecordReader;
}

function followed(file: LogFile, format: LogFormat): Followed {
  return { file, reader: new RecordReader(format) };
}

/** The file behind `current`; undefined: `current` is the one that is written. `isKnown`: `current` is there still. */
function nextFile(path: string, current: LogFile | undefined) {
  const files = openLogFiles(path);
  const at = current === undefined ? -1 : files.findIndex((file) => file.inode === current.inode);
  const next = files[at + 1];
  for (const file of files) if (file !== next) file[Symbol.dispose]();
  return { next, isKnown: at >= 0 };
}

/** Which records are asked for. */
class Range {
  /** A later record has come than those that are asked for. */
  isOver = false;
  readonly #streams: readonly OutputStream[];
  readonly #until: bigint | undefined;
  #since: bigint;
  #latest = -1n;

  constructor({ since = -1n, until, streams }: LogQuery) {
    this.#since = since;
    this.#until = until;
    this.#streams = streams;
  }

  choose(records: readonly LogRecord[]): LogRecord[] {
    const chosen: LogRecord[] = [];
    for (const record of records) {
      if (this.#until !== undefined && record.time > this.#until) {
        this.isOver = true;
        break;
      }
      if (record.time > this.#latest) this.#latest = record.time;
      if (record.time >= this.#since && this.#streams.includes(record.stream)) chosen.push(record);
    }
    return chosen;
  }

  /** What has been given is not given again. */
  passReadOver(): void {
    if (this.#latest >= this.#since) this.#since = this.#latest + 1n;
  }
}
