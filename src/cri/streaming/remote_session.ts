/** A client's streams into a container, whatever they travel by. */
import type { Readable, Writable } from "node:stream";

/** What a client has asked for, and comes to fetch. */
export type StreamOffer = ContainerOffer | ForwardOffer;

/** Connections to ports of a sandbox. */
export interface ForwardOffer {
  readonly kind: "portforward";
  readonly sandbox: string;
}

export interface ContainerOffer {
  readonly kind: "exec" | "attach";
  readonly container: string;
  /** Of `exec`. */
  readonly command?: readonly string[];
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

export interface RemoteSession {
  readonly stdin: Readable | undefined;
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  /** Told of the terminal's sizes, the one that it has by now included. */
  onResize(listener: (size: TerminalSize) => void): void;
  /** Aborted when the client has gone. */
  readonly gone: AbortSignal;
  /** Says how it went, and ends the connection. */
  end(status: object): void;
}

/** `{"Width":80,"Height":24}`; undefined for anything else. */
export function readSize(json: string): TerminalSize | undefined {
  try {
    const { Width: columns, Height: rows } = JSON.parse(json) as { Width?: unknown; Height?: unknown };
    const isSize = (value: unknown): value is number =>
      Number.isInteger(value) && (value as number) > 0 && (value as number) < 65_536;
    return isSize(columns) && isSize(rows) ? { columns, rows } : undefined;
  } catch {
    return undefined;
  }
}

/** Remembers the last size until somebody asks for it. */
export class Sizes {
  #listener: ((size: TerminalSize) => void) | undefined;
  #last: TerminalSize | undefined;

  take(size: TerminalSize | undefined): void {
    if (size === undefined) return;
    this.#last = size;
    this.#listener?.(size);
  }

  onResize(listener: (size: TerminalSize) => void): void {
    this.#listener = listener;
    if (this.#last !== undefined) listener(this.#last);
  }
}
