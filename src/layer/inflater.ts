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
  close(): void;
  onerror: (message: string, errno: number, code: string) => void;
}

/** Bytes a piece of output. Larger ones cost no less, smaller ones more trips to the thread pool. */
const outputSize = 512 * 1024;
const gunzipMode = 4;

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
  readonly #consume: (piece: Uint8Array) => void;
  readonly #buffers = [Buffer.allocUnsafeSlow(outputSize), Buffer.allocUnsafeSlow(outputSize)] as const;
  #turn = 0;
  #ready: Uint8Array | undefined;
  #settle: ((error?: Failure) => void) | undefined;
  #closed = false;

  /** @param consume takes each piece; it is valid only during the call */
  constructor(format: "gzip" | "zstd", consume: (piece: Uint8Array) => void) {
    this.#format = format;
    this.#consume = consume;
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
    this.#use();
  }

  async #run(input: Uint8Array, flush: number): Promise<void> {
    const state = this.#state;
    for (let at = 0; ;) {
      const output = this.#buffers[this.#turn] as Uint8Array;
      this.#turn = 1 - this.#turn;
      const done = this.#start(input, at, output, flush);
      try {
        this.#use();
      } finally {
        // Also after a failure: the thread pool still writes into the buffer.
        await done;
      }
      const outputLeft = state[0] as number;
      at = input.length - (state[1] as number);
      if (outputLeft < outputSize) this.#ready = output.subarray(0, outputSize - outputLeft);
      // Room left in the output means that there is no more to be had from this input.
      if (outputLeft > 0) return;
    }
  }

  #start(input: Uint8Array, at: number, output: Uint8Array, flush: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#settle = (error) => (error === undefined ? resolve() : reject(error));
    this.#handle.write(flush, input, at, input.length - at, output, 0, outputSize);
    return promise;
  }

  #use(): void {
    const piece = this.#ready;
    this.#ready = undefined;
    if (piece !== undefined) this.#consume(piece);
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#handle.close();
  }
}

/** A handle of our own: that of a stream reports to the stream. Arguments as in lib/zlib.js of Node 26. */
function open(format: "gzip" | "zstd", callback: () => void): { handle: ZlibHandle; state: Uint32Array } {
  const stream = format === "gzip" ? createGunzip() : createZstdDecompress();
  const { _handle: model } = stream as unknown as {
    _handle: { constructor: new (mode?: number) => ZlibHandle };
  };
  const state = new Uint32Array(2);
  const handle = new model.constructor(...(format === "gzip" ? [gunzipMode] : []));
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
  stream.destroy();
  return { handle, state };
}
