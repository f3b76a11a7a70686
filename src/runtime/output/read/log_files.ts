/** The files of a log, opened together, so that none is missed when the log is rotated meanwhile. */
import { closeSync, fstatSync, openSync, read } from "node:fs";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import { createGunzip } from "node:zlib";
import { Failure } from "../../../errors.ts";
import { rotatedFiles } from "../rotated_files.ts";

const readAt = promisify(read);
const piece = 64 * 1024;

export class LogFile implements Disposable {
  readonly fd: number;
  readonly compressed: boolean;
  readonly #path: string;
  /** How far it has been read. */
  at = 0;

  constructor(path: string, compressed: boolean) {
    this.#path = path;
    this.compressed = compressed;
    this.fd = openSync(path, "r");
  }

  /** Tells files apart, whatever their names are by now. */
  get inode(): number {
    return fstatSync(this.fd).ino;
  }

  get size(): number {
    return fstatSync(this.fd).size;
  }

  /** Milliseconds since 1970. */
  get modified(): number {
    return fstatSync(this.fd).mtimeMs;
  }

  /** What has come since the last time. Of a compressed file all, uncompressed. */
  async *read(): AsyncGenerator<Buffer> {
    if (!this.compressed) return yield* this.#pieces();
    this.at = 0;
    const packed = Readable.from(this.#pieces(), { objectMode: false });
    const plain = packed.pipe(createGunzip());
    packed.once("error", (error) => plain.destroy(error));
    try {
      yield* plain as AsyncIterable<Buffer>;
    } catch (cause) {
      throw new Failure("corrupt", `read ${this.#path}: ${(cause as Error).message}`, { cause });
    } finally {
      packed.destroy();
    }
  }

  async *#pieces(): AsyncGenerator<Buffer> {
    for (;;) {
      const buffer = Buffer.allocUnsafe(piece);
      const { bytesRead } = await readAt(this.fd, buffer, 0, piece, this.at);
      if (bytesRead === 0) return;
      this.at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
  }
}

/** How often the files are opened anew where one of them has got another name, or has gone, since they were listed. */
const tries = 5;

/** Oldest first; the last one is the one that is written, unless there is none yet. */
export function openLogFiles(path: string): LogFile[] {
  for (let left = tries; ; left--) {
    using open = new DisposableStack();
    const listed = [...rotatedFiles(path), { path, compressed: false }];
    const found = listed.map((file) => open.use(openIfThere(file.path, file.compressed)));
    const isWhole = found.slice(0, -1).every((file) => file !== undefined);
    if (!isWhole && left > 1) continue;
    open.move();
    return found.filter((file) => file !== undefined);
  }
}

function openIfThere(path: string, compressed: boolean): LogFile | undefined {
  try {
    return new LogFile(path, compressed);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
