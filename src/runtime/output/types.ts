/** What a container prints, on its way to its log and to those who are attached. */

export type OutputStream = "stdout" | "stderr";

/** A line as Docker counts lines: up to its line feed, or the next 16 KiB of a longer one. */
export interface LogLine {
  readonly stream: OutputStream;
  /** Nanoseconds since 1970. */
  readonly time: bigint;
  /** With the line feed, if it has one. */
  readonly bytes: Uint8Array;
}

/**
 * A log that is being written. All methods are synchronous: a batch is either in the hands of the kernel when `append`
 * returns, or the log has ended there (a full disk holds up no container).
 */
export interface LogWriter extends Disposable {
  /** Where the next line will stand. Files are rotated here and nowhere else. */
  position(): number;
  append(lines: readonly LogLine[]): void;
  /** Takes away what stands behind a `position()` of the current file: a batch that a kill has cut short. */
  truncate(position: number): void;
}

/** Somebody who sees the output as it comes. */
export interface OutputListener {
  /** A promise holds the container's output back until it is settled; it must not reject. */
  write(stream: OutputStream, bytes: Uint8Array): Promise<void> | undefined;
  /** All output has been given. */
  end(): void;
}
