/** Sizes of terminals. */
import { declareCalls, errno } from "./libc.ts";
import { SysError } from "./sys_error.ts";

const calls = declareCalls({ ioctl: ["int", "int", "unsigned long", "void *"] });

const TIOCGWINSZ = 0x5413;
const TIOCSWINSZ = 0x5414;

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/** `struct winsize { u16 rows, columns, xpixel, ypixel }` */
const winsize = new Uint16Array(4);
const winsizeBytes = new Uint8Array(winsize.buffer);

/** @throws SysError (ENOTTY: not a terminal) */
export function getTerminalSize(fd: number): TerminalSize {
  if (calls().ioctl(fd, TIOCGWINSZ, winsizeBytes) < 0) throw new SysError(errno(), "ioctl TIOCGWINSZ");
  return { rows: winsize[0] as number, columns: winsize[1] as number };
}

/** Sets the size; the kernel sends SIGWINCH to the foreground process group. @throws SysError */
export function setTerminalSize(fd: number, size: TerminalSize): void {
  winsize.set([size.rows, size.columns, 0, 0]);
  if (calls().ioctl(fd, TIOCSWINSZ, winsizeBytes) < 0) throw new SysError(errno(), "ioctl TIOCSWINSZ");
}
