/** A command on a terminal of its own, typed to as a person would. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";

/** What is done once a text has appeared, behind what was waited for before. */
export interface Step {
  readonly wait: string;
  readonly type?: string;
  /** Rows and columns of the window from now on. */
  readonly size?: readonly [number, number];
}

/** Node cannot make a terminal. Ends the command when it has not ended after a minute. */
const program = `
import pty, os, sys, json, select, struct, fcntl, termios, time
command, steps, size = json.loads(sys.argv[1])
pid, fd = pty.fork()
if pid == 0:
    # Not before the window has its size.
    sys.stdin.readline()
    os.execvp(command[0], command)
resize = lambda rows, columns: fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
resize(*size)
os.write(fd, b"\\n")
out, seen, end = b"", 0, time.time() + 60
while time.time() < end:
    if select.select([fd], [], [], 0.1)[0]:
        try: chunk = os.read(fd, 65536)
        except OSError: break
        if not chunk: break
        out += chunk
    while steps and steps[0]["wait"].encode() in out[seen:]:
        step = steps.pop(0)
        seen = out.index(step["wait"].encode(), seen) + len(step["wait"].encode())
        if "size" in step: resize(*step["size"])
        if "type" in step: os.write(fd, step["type"].encode())
else:
    os.kill(pid, 9)
sys.stdout.buffer.write(out)
sys.stdout.flush()
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.exit(code if code >= 0 else 128 - code)
`;

/** @returns all that the terminal was sent, and the exit code */
export async function onTerminal(
  command: readonly string[],
  steps: readonly Step[],
  size: readonly [number, number] = [24, 80],
): Promise<{ readonly output: string; readonly code: number | null }> {
  const child = spawn("python3", ["-c", program, JSON.stringify([command, steps, size])], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const closed = once(child, "close") as Promise<[number | null]>;
  const [output, [code]] = await Promise.all([text(child.stdout), closed]);
  return { output, code };
}
