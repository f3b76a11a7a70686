/** zlib and zstd, driven so that the bytes before are used while the next ones are decompressed. */
import { constants, createGunzip, createZstdDecompress } from "node:zlib";
import { Failure } from "../errors.ts";

/** The part of node:zlib's native handles that is used: `write` works in the thread pool and then calls back. */
interface ZlibHandle {
  init(...args: unknown[]): void;
  write(
    flush: number,
    input: Uint8Array | null,
    inputOffset: number,
    inputLength: number,
    output: Uint8Array,
    outputOffset: number,
    outputLength: number,
  ): void;
  /** As {@link write}, but works in the calling thread and calls nobody back. */
  writeSync: ZlibHandle["write"];
  close(): void;
  onerror: (message: string, errno: number, code: string) => void;
}

/** Bytes a piece of output. Larger ones cost no less, smaller ones more trips to the thread pool. */
const outputSize = 512 * 1024;
/** Memory of inflaters that are done, for the next ones of this thread. */
const spare: Buffer[] = [];
const gunzipMode = 4;

/** Takes a piece, which is valid only during the call. What it returns is waited for before the next piece. */
export type Consume = (piece: Uint8Array) => Promise<void> | undefined;

/**
 * Inflates gzip (all members) or zstd (all frames). While `consume` works on one piece, the thread pool fills the
 * next: two buffers, used in turn and again, where node:zlib's streams take fresh memory for each piece (a quarter
 * of the CPU time of a layer).
 *
 * The handles are no public API, though other packages use them too; where {@link isAvailable} says no, callers fall
 * back on streams.
 */
export class Inflater implements Disposable {
  readonly #format: "gzip" | "zstd";
  readonly #handle: ZlibHandle;
  readonly #state: Uint32Array;
  readonly #consume: Consume;
  readonly #inThisThread: boolean;
  readonly #buffers: Buffer[] = [];
  #turn = 0;
  #ready: Uint8Array | undefined;
  #settle: ((error?: Failure) => void) | undefined;
  #closed = false;

  /**
   * @param inThisThread for content so short that the way to the thread pool and back takes longer
   */
  constructor(format: "gzip" | "zstd", consume: Consume, inThisThread = false) {
    this.#format = format;
    this.#consume = consume;
    this.#inThisThread = inThisThread;
    const opened = open(format, () => this.#settle?.());
    this.#handle = opened.handle;
    this.#state = opened.state;
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- not a DOM object
    this.#handle.onerror = (message, _errno, code) => {
      this.#settle?.(new Failure("corrupt", `invalid ${format} data: ${message} (${code})`));
    };
  }

  /** True for the releases whose handles are known: a wrong argument to one of them would end the process. */
  static isAvailable(): boolean {
    return process.versions.node.startsWith("26.") && process.release.name === "node";
  }

  /** Takes compressed bytes; done when `input` may be reused. @throws Failure("corrupt") and what `consume` throws */
  async write(input: Uint8Array): Promise<void> {
    await this.#run(input, this.#format === "gzip" ? constants.Z_NO_FLUSH : constants.ZSTD_e_continue);
  }

  /** Says that the input is complete. @throws Failure("corrupt") if it is cut off */
  async end(): Promise<void> {
    await this.#run(new Uint8Array(0), this.#format === "gzip" ? constants.Z_FINISH : constants.ZSTD_e_end);
    await this.#use();
  }

  async #run(input: Uint8Array, flush: number): Promise<void> {
    const state = this.#state;
    for (let at = 0; ;) {
      const output = this.#nextBuffer();
      if (this.#inThisThread) this.#inflateHere(input, at, output, flush);
      else await this.#inflateInPool(input, at, output, flush);
      const outputLeft = state[0] as number;
      at = input.length - (state[1] as number);
      if (outputLeft < outputSize) this.#ready = output.subarray(0, outputSize - outputLeft);
      if (this.#inThisThread) await this.#use();
      // Room left in the output means that there is no more to be had from this input.
      if (outputLeft > 0) return;
    }
  }

  /** Two buffers take turns where one is used while the other is filled. */
  #nextBuffer(): Buffer {
    const turn = this.#turn;
    if (!this.#inThisThread) this.#turn = 1 - turn;
    return (this.#buffers[turn] ??= spare.pop() ?? Buffer.allocUnsafeSlow(outputSize));
  }

  #inflateHere(input: Uint8Array, at: number, output: Buffer, flush: number): void {
    let failure: Failure | undefined;
    this.#settle = (error) => (failure = error);
    this.#handle.writeSync(flush, input, at, input.length - at, output, 0, outputSize);
    if (failure !== undefined) throw failure;
  }

  /** Uses the piece before meanwhile. */
  async #inflateInPool(input: Uint8Array, at: number, output: Buffer, flush: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#settle = (error) => (error === undefined ? resolve() : reject(error));
    this.#handle.write(flush, input, at, input.length - at, output, 0, outputSize);
    let waiting: Promise<void> | undefined;
    try {
      waiting = this.#use();
    } finally {
      // Also after a failure: the thread pool still writes into the buffer.
      await promise;
    }
    if (waiting !== undefined) await waiting;
  }

  #use(): Promise<void> | undefined {
    const piece = this.#ready;
    this.#ready = undefined;
    return piece === undefined ? undefined : this.#consume(piece);
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#handle.close();
    spare.push(...this.#buffers.splice(0));
  }
}

type HandleClass = new (mode?: number) => ZlibHandle;

const classes: { gzip?: HandleClass; zstd?: HandleClass } = {};

/** Taken from a stream, the only way to it. */
function classOf(format: "gzip" | "zstd"): HandleClass {
  const stream = format === "gzip" ? createGunzip() : createZstdDecompress();
  const { _handle: model } = stream as unknown as { _handle: { constructor: HandleClass } };
  stream.destroy();
  return model.constructor;
}

/** A handle of our own: that of a stream reports to the stream. Arguments as in lib/zlib.js of Node 26. */
function open(format: "gzip" | "zstd", callback: () => void): { handle: ZlibHandle; state: Uint32Array } {
  const Handle = (classes[format] ??= classOf(format));
  const state = new Uint32Array(2);
  const handle = new Handle(...(format === "gzip" ? [gunzipMode] : []));
  if (format === "gzip")
    handle.init(15, 6, 8, constants.Z_DEFAULT_STRATEGY, state, callback, undefined, false);
  else
    handle.init(
      new Uint32Array(constants.ZSTD_d_windowLogMax + 1).fill(-1),
      undefined,
      state,
      callback,
      undefined,
      false,
    );
  return { handle, state };
}
