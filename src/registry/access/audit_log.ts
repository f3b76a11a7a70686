/** Who did what, one JSON object a line, for those who must be able to tell. */
import { open, type FileHandle } from "node:fs/promises";
import { Failure } from "../../errors.ts";

export interface AuditEntry {
  /** As in the log and in the answer's headers. */
  readonly requestId: string;
  /** Undefined: nobody by name. */
  readonly user: string | undefined;
  readonly groups?: readonly string[];
  /** Address of the peer. */
  readonly address: string | undefined;
  /** `pull`, `push`, `delete`, `login`, ... */
  readonly action: string;
  readonly repository?: string | undefined;
  /** Tag or digest. */
  readonly reference?: string | undefined;
  readonly outcome: "allowed" | "denied" | "failed";
  /** Of the answer. */
  readonly status: number;
}

export interface AuditLogOptions {
  /** Appended to; made 0600. */
  readonly path: string;
  /** Told of what could not be written. Default: nobody. */
  readonly onProblem?: (failure: Failure) => void;
  /** Default `Date.now`. Milliseconds. */
  readonly now?: () => number;
}

/** Bytes that wait for the disk. Beyond them `record` makes its caller wait. */
const mostWaiting = 1 << 20;

export class AuditLog implements AsyncDisposable {
  readonly #options: AuditLogOptions;
  #file: FileHandle;
  #waiting: string[] = [];
  #size = 0;
  #writing: Promise<void> | undefined;

  private constructor(options: AuditLogOptions, file: FileHandle) {
    this.#options = options;
    this.#file = file;
  }

  /** @throws Failure "denied" if the file cannot be opened */
  static async open(options: AuditLogOptions): Promise<AuditLog> {
    return new AuditLog(options, await openLog(options.path));
  }

  /** Takes an entry; resolves at once as long as the disk keeps up. Entries are written in the order in which they came. */
  async record(entry: AuditEntry): Promise<void> {
    const time = new Date((this.#options.now ?? Date.now)()).toISOString();
    const line = `${JSON.stringify({ time, ...entry })}\n`;
    this.#waiting.push(line);
    this.#size += line.length;
    this.#writing ??= this.#write().finally(() => (this.#writing = undefined));
    if (this.#size > mostWaiting) await this.#writing;
  }

  /** Goes on in a new file of the same name, after somebody has renamed the old one. */
  async reopen(): Promise<void> {
    const fresh = await openLog(this.#options.path);
    await this.#writing;
    const old = this.#file;
    this.#file = fresh;
    await old.close();
  }

  /** Writes what waits, to the disk, and closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing;
    try {
      await this.#file.sync();
    } finally {
      await this.#file.close();
    }
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      // One write for all that came during the last one; a whole number of lines, so that several processes can append.
      const text = this.#waiting.join("");
      this.#waiting = [];
      try {
        await writeWhole(this.#file, Buffer.from(text));
      } catch (cause) {
        const message = `cannot write to the audit log ${this.#options.path}`;
        this.#options.onProblem?.(new Failure("unavailable", message, { cause }));
      }
      this.#size -= text.length;
    }
  }
}

/** Not by `appendFile`, which cuts what is long into pieces. The kernel itself cuts only where the disk is full. */
async function writeWhole(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length;) at += (await file.write(bytes, at)).bytesWritten;
}

async function openLog(path: string): Promise<FileHandle> {
  try {
    return await open(path, "a", 0o600);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new Failure("denied", `cannot open the audit log ${path}: ${code}`, { cause });
  }
}
