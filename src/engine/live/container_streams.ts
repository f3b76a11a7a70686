/** Those who are attached to a container: they may come before it starts, and see its output from then on. */
import type { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { drained, written } from "../../bytes/index.ts";
import { DetachFilter, type OutputListener, type OutputStream } from "../../runtime/index.ts";

export interface AttachStreams {
  /** Undefined: the container's input is not this client's. */
  readonly stdin: Readable | undefined;
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  /** Output waits for it, and the container with it. Default: it does not. */
  readonly ready?: Promise<void>;
  /** Bytes of the keys that leave the container; empty for none. */
  readonly detachKeys: Uint8Array;
}

export interface Attachment {
  /** `detached`: the client typed the keys. `ended`: the container has, or the client took no more. */
  readonly ended: Promise<"ended" | "detached">;
  /** Lets go of the container, which lives on. */
  close(): void;
}

/** Where output comes from: of a container, or of a process in it. */
interface OutputSource {
  listen(listener: OutputListener): Disposable;
}

interface Input {
  /** @returns a promise when the container does not keep up */
  write(bytes: Uint8Array): Promise<void> | undefined;
  end(): void;
}

/** Of one container, from the first client to the end of a run. */
export class ContainerStreams {
  readonly #clients = new Set<Client>();
  readonly #onceInput: boolean;
  #output: OutputSource | undefined;
  #input = Promise.withResolvers<Input | undefined>();

  /** @param onceInput the first client that ends its input ends the container's (`StdinOnce`) */
  constructor(onceInput: boolean) {
    this.#onceInput = onceInput;
    // Whoever waits for it meets its value; nobody may.
    this.#input.promise.catch(() => undefined);
  }

  get isIdle(): boolean {
    return this.#clients.size === 0 && this.#output === undefined;
  }

  attach(streams: AttachStreams): Attachment {
    const client = new Client(streams, () => this.#clients.delete(client));
    this.#clients.add(client);
    if (this.#output !== undefined) client.listenTo(this.#output);
    if (streams.stdin !== undefined) void client.feed(streams.stdin, this.#input.promise, this.#onceInput);
    return client;
  }

  /** The container has been made; it prints nothing before this. @param closeInput ends its input at the shim */
  begin(output: OutputSource, stdin: Socket | undefined, closeInput: () => Promise<void>): void {
    this.#output = output;
    for (const client of this.#clients) client.listenTo(output);
    this.#input.resolve(stdin === undefined ? undefined : inputTo(stdin, closeInput));
  }

  /** The run has ended and all its output is out, or it never came to a run. */
  end(): void {
    this.#output = undefined;
    this.#input.resolve(undefined);
    this.#input = Promise.withResolvers<Input | undefined>();
    for (const client of this.#clients) client.finish("ended");
  }
}

function inputTo(stdin: Socket, closeInput: () => Promise<void>): Input {
  // The container has closed its input or is gone: what is typed from now on is for nobody.
  stdin.on("error", () => undefined);
  return {
    write: (bytes) => {
      if (stdin.destroyed || stdin.write(bytes)) return undefined;
      return drained(stdin);
    },
    // Not `end()`: that means shutdown(2), which a FIFO does not have.
    end: () =>
      void stdin.write("", () => {
        stdin.destroy();
        closeInput().catch(() => undefined);
      }),
  };
}

class Client implements Attachment, OutputListener {
  readonly ended: Promise<"ended" | "detached">;
  readonly #streams: AttachStreams;
  readonly #resolve: (how: "ended" | "detached") => void;
  readonly #leave: () => void;
  #listening: Disposable | undefined;
  #stopFeeding: (() => void) | undefined;
  #open = true;

  constructor(streams: AttachStreams, leave: () => void) {
    this.#streams = streams;
    this.#leave = leave;
    const { promise, resolve } = Promise.withResolvers<"ended" | "detached">();
    this.ended = promise;
    this.#resolve = resolve;
    for (const output of [streams.stdout, streams.stderr]) output?.once("error", () => this.close());
  }

  listenTo(output: OutputSource): void {
    const { stdout, stderr } = this.#streams;
    if (stdout !== undefined || stderr !== undefined) this.#listening = output.listen(this);
  }

  write(stream: OutputStream, bytes: Uint8Array): Promise<void> | undefined {
    const { [stream]: to, ready } = this.#streams;
    if (to === undefined) return undefined;
    return ready === undefined ? written(to, bytes) : ready.then(() => written(to, bytes));
  }

  /** The supervisor ends the clients itself, when the run is over. */
  end(): void {}

  async feed(from: Readable, ready: Promise<Input | undefined>, endsInput: boolean): Promise<void> {
    from.pause();
    from.on("error", () => undefined);
    const input = await ready;
    if (!this.#open) return;
    if (input === undefined) return void from.resume();
    const filter = new DetachFilter(this.#streams.detachKeys);
    const data = (chunk: Buffer): void => {
      const { pass, detached } = filter.take(chunk);
      const slow = pass.length > 0 ? input.write(pass) : undefined;
      if (detached) return this.finish("detached");
      if (slow === undefined) return;
      from.pause();
      void slow.then(() => this.#open && from.resume());
    };
    const end = (): void => void (endsInput && input.end());
    this.#stopFeeding = () => {
      from.off("data", data);
      from.off("end", end);
      from.off("close", end);
    };
    from.on("data", data);
    from.once("end", end);
    // A client that goes without a word has ended its input, too.
    from.once("close", end);
    if (from.readableEnded || from.destroyed) end();
    else from.resume();
  }

  finish(how: "ended" | "detached"): void {
    if (!this.#open) return;
    this.#open = false;
    this.#listening?.[Symbol.dispose]();
    this.#stopFeeding?.();
    this.#leave();
    this.#resolve(how);
  }

  close(): void {
    this.finish("ended");
  }
}
