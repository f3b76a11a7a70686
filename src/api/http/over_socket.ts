/** A stream whose bytes travel on a connection in another form. */
import { Duplex } from "node:stream";
import { written } from "../../bytes/index.ts";

/** Who extends it pushes what is read, and pauses the connection where that is too much. */
export abstract class OverSocket extends Duplex {
  protected readonly socket: Duplex;

  constructor(socket: Duplex) {
    super({ allowHalfOpen: true });
    this.socket = socket;
    socket.on("close", () => this.destroy());
    socket.on("error", () => undefined);
  }

  /** What goes out for what is written. */
  protected abstract sent(bytes: Buffer): Uint8Array;

  /** Says the other side that nothing more comes. */
  protected abstract endSocket(): void;

  override _read(): void {
    this.socket.resume();
  }

  override _write(bytes: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    const full = written(this.socket, this.sent(bytes));
    if (full === undefined) done();
    else void full.then(() => done());
  }

  override _final(done: () => void): void {
    if (!this.socket.writable) return done();
    // What follows is destroyed with all that the client has not been sent yet.
    this.socket.once("finish", done);
    this.endSocket();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.socket.destroy();
    done(error);
  }
}
