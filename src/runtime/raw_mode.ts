/** A terminal whose keys go to the container's own terminal. */
import { spawnSync } from "node:child_process";
import type { Readable } from "node:stream";

interface TerminalInput extends Readable {
  readonly isTTY?: boolean;
  readonly isRaw?: boolean;
  readonly fd?: number;
  setRawMode?(raw: boolean): unknown;
}

/**
 * Every key goes to the container's own terminal, which echoes and interprets; every byte of output comes from it.
 * @returns what gives the terminal back as it was; undefined: there is none, or it is raw already
 */
export function rawMode(input: TerminalInput): Disposable | undefined {
  if (input.isTTY !== true || input.setRawMode === undefined || input.isRaw === true) return undefined;
  input.setRawMode(true);
  // libuv's raw mode still turns LF into CR LF on output, which breaks full-screen programs: they move straight down
  // with LF. setRawMode(false) brings all flags back as they were. Without stty the screen may suffer, no more.
  if (input.fd !== undefined) spawnSync("stty", ["-opost"], { stdio: [input.fd, "ignore", "ignore"] });
  return { [Symbol.dispose]: () => void input.setRawMode?.(false) };
}
