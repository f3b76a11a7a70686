/**
 * A part of a file as the body of an answer. On a plain connection the kernel moves the bytes (a third of the CPU time, and
 * no memory); else they pass through two buffers that are used again and again, because what waits for a garbage
 * collection is what makes a server of large files large.
 */
import type { ServerResponse } from "node:http";
import type { TLSSocket } from "node:tls";
import { close, duplicate, isSysError, seek, SEEK_SET, sendFileInPool, whenWritable } from "../sys/index.ts";
import { Failure, isFailure } from "../errors.ts";
import type { Exchange } from "./exchange.ts";
import type { ByteRange, ReadableFile } from "./storage/types.ts";

/** Bytes. Below, the calls around it cost more than it saves. */
const kernelFrom = 256 << 10;
/** Bytes at once: more would keep a thread of the pool from others for as long as a fast client reads. */
const kernelStep = 4 << 20;
/** Bytes of a buffer; fewer when many are in use, so that all of them together stay near the budget. */
const [mostBuffer, leastBuffer, bufferBudget] = [256 << 10, 16 << 10, 32 << 20];
let buffered = 0;

/**
 * The head must have been written. Returns false when the client went away before the end.
 * @throws Failure of reading, "unavailable" when the file ends early
 */
export async function answerFile(exchange: Exchange, file: ReadableFile, range: ByteRange): Promise<boolean> {
  let { start } = range;
  if (range.end + 1 - start >= kernelFrom) {
    const connection = plainConnection(exchange.response);
    if (connection !== undefined) start = await sendByKernel(exchange, file, { ...range, connection });
  }
  if (start <= range.end && !exchange.response.destroyed)
    await sendByBuffers(exchange, file, { ...range, start });
  if (exchange.response.destroyed) return false;
  exchange.response.end();
  return true;
}

/**
 * The descriptor of an HTTP/1 connection without TLS, if all that was written to it has gone out: bytes that the kernel
 * sends would overtake what Node still has.
 */
function plainConnection(response: ServerResponse): number | undefined {
  if (process.platform !== "linux" || response.req.httpVersionMajor >= 2) return undefined;
  response.flushHeaders();
  const { socket } = response;
  // None: an earlier request of the same connection is not answered yet.
  if (socket === null || (socket as TLSSocket).encrypted === true || socket.writableLength > 0)
    return undefined;
  const { _handle: handle } = socket as { _handle?: { readonly fd?: unknown } | null };
  return typeof handle?.fd === "number" && handle.fd >= 0 ? handle.fd : undefined;
}

interface KernelRange extends ByteRange {
  readonly connection: number;
}

/** Returns the position of the first byte that is still to be sent, behind the last one if there is none. */
async function sendByKernel(exchange: Exchange, file: ReadableFile, range: KernelRange): Promise<number> {
  const { response, signal } = exchange;
  let position = range.start;
  let copy: number | undefined;
  try {
    // Ours to close: Node's may be closed, and be another connection's, while a thread is writing to it.
    copy = duplicate(range.connection);
    seek(file.fd, position, SEEK_SET);
    while (position <= range.end && !response.destroyed) {
      const wanted = Math.min(kernelStep, range.end + 1 - position);
      const count = await sendFileInPool(copy, file.fd, wanted);
      if (count === 0) throw endsEarly(position);
      if (count !== undefined) {
        position += count;
        told(exchange, count);
        keepAwake(response);
      }
      if (count !== wanted) await whenWritable(copy, signal);
    }
  } catch (error) {
    if (isSysError(error, "EPIPE", "ECONNRESET") || isFailure(error, "cancelled")) response.destroy();
    // A file system that cannot is no reason to fail; a disk that cannot will say so again.
    else if (!isSysError(error)) throw error;
  } finally {
    if (copy !== undefined) close(copy);
  }
  return position;
}

function told({ record, onSent }: Exchange, bytes: number): void {
  if (record !== undefined) record.sent += bytes;
  onSent?.(bytes);
}

/** Node sees no traffic on the connection, and would take it for idle. */
function keepAwake({ socket }: ServerResponse): void {
  if (socket?.timeout !== undefined && socket.timeout > 0) socket.setTimeout(socket.timeout);
}

async function sendByBuffers(exchange: Exchange, file: ReadableFile, range: ByteRange): Promise<void> {
  const { response, record, signal } = exchange;
  buffered += 2;
  let settle: ((sent: boolean) => void) | undefined;
  const gone = (): void => settle?.(false);
  signal.addEventListener("abort", gone);
  /** Resolves when nobody needs the bytes any more; false: the client has gone. */
  const send = (bytes: Buffer): Promise<boolean> =>
    new Promise((resolve) => {
      settle = resolve;
      if (response.destroyed || signal.aborted) return gone();
      if (record !== undefined) record.sent += bytes.length;
      response.write(bytes, (error) => resolve(error === null || error === undefined));
    });
  try {
    const left = range.end + 1 - range.start;
    const size = Math.min(left, mostBuffer, Math.max(leastBuffer, Math.floor(bufferBudget / buffered)));
    const buffers = [Buffer.allocUnsafeSlow(size), Buffer.allocUnsafeSlow(left > size ? size : 0)] as const;
    let reading = readSome(file, buffers[0], range);
    for (let position = range.start, turn = 1; position <= range.end; turn ^= 1) {
      const bytes = await reading;
      position += bytes.length;
      // One is read while the other one goes out.
      reading = readSome(file, buffers[turn as 0 | 1], { start: position, end: range.end });
      reading.catch(() => undefined);
      if (!(await send(bytes))) break;
    }
    // The file may be closed now.
    await reading.catch(() => undefined);
  } finally {
    signal.removeEventListener("abort", gone);
    buffered -= 2;
  }
}

async function readSome(file: ReadableFile, buffer: Buffer, { start, end }: ByteRange): Promise<Buffer> {
  const wanted = Math.min(buffer.length, end + 1 - start);
  if (wanted <= 0) return buffer.subarray(0, 0);
  const count = await file.read(buffer.subarray(0, wanted), start);
  if (count === 0) throw endsEarly(start);
  return buffer.subarray(0, count);
}

function endsEarly(position: number): Failure {
  return new Failure("unavailable", `cannot read a blob: its file ends at ${position}`);
}
