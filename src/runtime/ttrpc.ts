/**
 * A client of ttrpc, the small RPC of containerd and its shims (github.com/containerd/ttrpc, PROTOCOL.md):
 * frames of a 10-byte header (length, stream id, type, flags) and a protobuf message over a unix socket.
 * Only unary calls, which is all that the task service has.
 */
import { connect, type Socket } from "node:net";
import { Failure, type FailureKind } from "../errors.ts";
import { bytesField, decodeMessage, encodeMessage, numberField, stringField } from "../bytes/index.ts";

const headerSize = 10;
const typeRequest = 1;
const typeResponse = 2;
/** PROTOCOL.md: "the maximum message size is 4 MB". A longer one is nonsense, not data. */
const maxMessage = 4 << 20;

/** google.rpc.Code → our kinds, for the codes that shims really send. */
const kindOfCode: Readonly<Record<number, FailureKind>> = {
  1: "cancelled",
  3: "invalid",
  5: "not-found",
  6: "conflict",
  7: "denied",
  8: "limit",
  9: "conflict",
  12: "unsupported",
  14: "unavailable",
};

interface Pending {
  resolve(payload: Uint8Array): void;
  reject(failure: Failure): void;
}

export class TtrpcClient {
  readonly #socket: Socket;
  readonly #pending = new Map<number, Pending>();
  #nextStream = 1;
  #received: Buffer = Buffer.alloc(0);
  #broken: Failure | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk) => this.#take(chunk as Buffer));
    socket.on("error", (cause) =>
      this.#fail(new Failure("unavailable", `shim: ${cause.message}`, { cause })),
    );
    socket.on("close", () => this.#fail(new Failure("unavailable", "shim: the connection was closed")));
  }

  /**
   * Connects to the unix socket at `path`.
   * @throws {Failure} `unavailable` if nobody listens there
   */
  static async connect(path: string): Promise<TtrpcClient> {
    const socket = connect({ path });
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", (cause) =>
        reject(new Failure("unavailable", `connect to the shim at ${path}: ${cause.message}`, { cause })),
      );
    });
    socket.removeAllListeners("error");
    return new TtrpcClient(socket);
  }

  /**
   * Calls one method and resolves to the encoded response.
   * @throws {Failure} of the kind of the answered status, with its message; `unavailable` when the peer goes away
   */
  async call(service: string, method: string, payload: Uint8Array): Promise<Uint8Array> {
    if (this.#broken !== undefined) throw this.#broken;
    // Odd stream ids belong to clients (PROTOCOL.md, "Stream ID").
    const stream = this.#nextStream;
    this.#nextStream += 2;
    const message = encodeMessage({ 1: service, 2: method, 3: payload });
    const header = Buffer.alloc(headerSize);
    header.writeUInt32BE(message.length, 0);
    header.writeUInt32BE(stream, 4);
    header.writeUInt8(typeRequest, 8);
    return new Promise((resolve, reject) => {
      this.#pending.set(stream, { resolve, reject });
      this.#socket.write(Buffer.concat([header, message]));
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Waits until the peer hangs up. @returns false if it has not done so within `milliseconds` */
  async closedWithin(milliseconds: number): Promise<boolean> {
    if (this.#socket.destroyed) return true;
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), milliseconds);
      this.#socket.once("close", () => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }

  #take(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    while (this.#received.length >= headerSize) {
      const length = this.#received.readUInt32BE(0);
      if (length > maxMessage) {
        this.#socket.destroy(new Error(`a message of ${length} bytes was announced`));
        return;
      }
      if (this.#received.length < headerSize + length) return;
      const stream = this.#received.readUInt32BE(4);
      const type = this.#received.readUInt8(8);
      const message = this.#received.subarray(headerSize, headerSize + length);
      this.#received = this.#received.subarray(headerSize + length);
      if (type === typeResponse) this.#answer(stream, message);
    }
  }

  #answer(stream: number, message: Uint8Array): void {
    const pending = this.#pending.get(stream);
    if (pending === undefined) return;
    this.#pending.delete(stream);
    try {
      const response = decodeMessage(message);
      const status = decodeMessage(bytesField(response, 1));
      const code = numberField(status, 1);
      if (code === 0) pending.resolve(bytesField(response, 2));
      else pending.reject(new Failure(kindOfCode[code] ?? "internal", stringField(status, 2)));
    } catch (cause) {
      pending.reject(new Failure("unavailable", "shim: the answer makes no sense", { cause }));
    }
  }

  #fail(failure: Failure): void {
    this.#broken ??= failure;
    for (const { reject } of this.#pending.values()) reject(this.#broken);
    this.#pending.clear();
  }
}
