/** The receiving side of one `FileSync.DiffCopy`: first the list of files, then contents as they are asked for. */
import { createHash, type Hash } from "node:crypto";
import { type Content, type Place, Spool } from "../../build/index.ts";
import { cancelled } from "../../bytes/index.ts";
import { Failure } from "../../errors.ts";
import type { GrpcStream, Read, Write } from "../../rpc/index.ts";
import type { ContextPlace } from "../../engine/index.ts";
import type { Session } from "../session/index.ts";
import { ListedFiles, type ListLimits } from "./listed_files.ts";
import { Packet, packetTypes } from "./packets.ts";

const method = "/moby.filesync.v1.FileSync/DiffCopy";

/** gRPC's own bound, which BuildKit has, too. */
const maxPacket = 4 << 20;

/** Bytes of an entry of the list besides its names, about. */
const statSize = 32;

/** What of its directory the client is to show. */
export interface Wanted {
  /** `context`, `dockerfile`, or that of a named context. */
  readonly directory: string;
  /** As in a `.dockerignore`. */
  readonly excludes?: readonly string[];
  /** These paths only, and what symlinks in them lead to. */
  readonly paths?: readonly string[];
}

export interface TransferOptions extends ContextPlace {
  readonly limits?: ListLimits;
  /** Where contents go, which does not end with the transfer. Default: one that does. */
  readonly spool?: Spool;
  /** Told how many bytes have come so far. */
  readonly onBytes?: (total: number) => void;
}

interface Pending {
  readonly what: string;
  readonly place: Place;
  readonly hash: Hash;
  received: number;
  readonly resolve: (content: Content) => void;
  readonly reject: (error: unknown) => void;
}

export class FileTransfer implements Disposable {
  readonly files: ListedFiles;
  readonly #spool: Spool;
  readonly #ownSpool: Disposable | undefined;
  /** When the client was asked for its list, milliseconds since 1970. */
  readonly since: number = Date.now();
  readonly #stream: GrpcStream<Write<typeof Packet>, Read<typeof Packet>>;
  readonly #onBytes: (total: number) => void;
  readonly #signal: AbortSignal;
  readonly #listed = Promise.withResolvers<void>();
  readonly #pending = new Map<number, Pending>();
  #isListed = false;
  #bytes = 0;
  #failure: unknown;
  #isOver = false;

  /**
   * Resolves when the list is complete.
   * @throws Failure("invalid") for a list that no tree has, or a client that serves no files; Failure("limit"),
   *   Failure("cancelled"), Failure("unavailable")
   */
  static async open(session: Session, wanted: Wanted, options: TransferOptions): Promise<FileTransfer> {
    session.require(method);
    const transfer = new FileTransfer(session, wanted, options);
    try {
      await transfer.#listed.promise;
      return transfer;
    } catch (error) {
      transfer[Symbol.dispose]();
      throw error;
    }
  }

  private constructor(
    session: Session,
    wanted: Wanted,
    { temporaryDirectory, limits, spool, onBytes = () => undefined, signal }: TransferOptions,
  ) {
    this.files = new ListedFiles(limits);
    this.#spool = spool ?? new Spool(temporaryDirectory);
    this.#ownSpool = spool === undefined ? this.#spool : undefined;
    this.#onBytes = onBytes;
    this.#signal = signal;
    this.#stream = session.client.open(method, Packet, Packet, {
      metadata: metadataOf(wanted),
      maxBytes: maxPacket,
      signal,
    });
    void this.#run();
  }

  /** Lets the client go. What was not fetched by now cannot be any more. */
  [Symbol.dispose](): void {
    if (this.#isOver) return;
    this.#fail(new Failure("unavailable", "the transfer of files is over"));
    this.#isOver = true;
    void this.#stream.send({ type: packetTypes.end });
    this.#stream.end();
    this.#ownSpool?.[Symbol.dispose]();
  }

  /**
   * Asks for the content of a file; to be called once for each.
   * @param what is said of the file in messages
   * @throws Failure("conflict") if the client has not sent as many bytes as it said; what broke the transfer
   */
  fetch(id: number, size: number, what: string): Promise<Content> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure as Error);
    const { promise, resolve, reject } = Promise.withResolvers<Content>();
    const place = this.#spool.reserve(size);
    this.#pending.set(id, { what, place, hash: createHash("sha256"), received: 0, resolve, reject });
    void this.#stream.send({ type: packetTypes.request, id });
    return promise;
  }

  async #run(): Promise<void> {
    try {
      for await (const packet of this.#stream) if (!this.#isOver) this.#take(packet);
      throw new Failure("unavailable", "the client has ended the transfer of files");
    } catch (error) {
      this.#fail(this.#signal.aborted ? cancelled(this.#signal) : error);
      if (!this.#isOver) this.#stream[Symbol.dispose]();
    }
  }

  #take({ type, stat, id, data }: Read<typeof Packet>): void {
    switch (type) {
      case packetTypes.stat:
        if (this.#isListed) throw new Failure("invalid", "the client lists files after the end of its list");
        if (stat !== undefined) {
          this.#count(stat.path.length + stat.linkname.length + statSize);
          return this.files.add(stat);
        }
        this.files.sort();
        this.#isListed = true;
        return this.#listed.resolve();
      case packetTypes.data:
        return this.#data(id, data);
      case packetTypes.error:
        throw new Failure(
          "unavailable",
          `error from sender: ${Buffer.from(data).toString("utf8").slice(0, 4096)}`,
        );
      default:
        throw new Failure("invalid", `the client sends a packet of type ${type}`);
    }
  }

  #data(id: number, data: Uint8Array): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) throw new Failure("invalid", `invalid file request ${id}`);
    const { place, hash, received } = pending;
    const isOver = data.length === 0;
    if (isOver ? received !== place.size : received + data.length > place.size)
      throw new Failure("conflict", `${pending.what} changed while it was read, or cannot be read`, {
        hint: "Run the build again when nothing writes to the file.",
      });
    if (isOver) {
      this.#pending.delete(id);
      return pending.resolve({ ...place, digest: hash.digest("hex"), file: this.#spool.file });
    }
    this.#spool.write(place, received, data);
    hash.update(data);
    pending.received += data.length;
    this.#count(data.length);
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    this.#onBytes(this.#bytes);
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    // Nobody may be waiting for it any more.
    this.#listed.promise.catch(() => undefined);
    this.#listed.reject(error);
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}

/**
 * Headers hold ASCII, and not much of it. What cannot be said is left out, and the client shows more than is wanted:
 * clients of before BuildKit 0.12 know no other way.
 */
function metadataOf({ directory, excludes = [], paths = [] }: Wanted): Metadata {
  return {
    "dir-name": directory,
    ...(canBeSaid(excludes) && { "exclude-patterns": excludes }),
    ...(canBeSaid(paths) && { followpaths: paths }),
  };
}

type Metadata = Readonly<Record<string, string | readonly string[]>>;

/** Bytes; HTTP/2's implementations begin to complain at 64 KiB, each with some overhead for every entry. */
const longestMetadata = 32 << 10;

function canBeSaid(texts: readonly string[]): boolean {
  const size = texts.reduce((sum, text) => sum + text.length + 32, 0);
  return texts.length > 0 && size <= longestMetadata && texts.every((text) => /^[ -~]*$/.test(text));
}
