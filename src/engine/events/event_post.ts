/**
 * What happens in other processes on a root, told to those who listen at its daemon: a FIFO in the root, which the daemon
 * reads. Nobody keeps what is posted while no daemon runs, and nobody waits for one.
 */
import { join } from "node:path";
import { fromText } from "../../byte_string.ts";
import {
  AT_FDCWD,
  close,
  isSysError,
  mknodAt,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDWR,
  O_WRONLY,
  openAt,
  read,
  S_IFIFO,
  unlinkAt,
  whenReadable,
  write,
} from "../../sys/index.ts";
import type { EngineEvent, EventBus, EventType } from "./event_bus.ts";

const pathOf = (root: string) => fromText(join(root, "varve/events"));

/** Posts what `events` tells from now on. What cannot be posted is not: the work itself has been done. */
export function postEvents(root: string, events: EventBus): void {
  events.listen(({ Type, Action, Actor }) => {
    try {
      // What another one has got only a part of into a full FIFO ends here.
      post(root, `\n${JSON.stringify({ Type, Action, Actor })}\n`);
    } catch (error) {
      // ENOENT, ENXIO: no daemon. EAGAIN: one that does not read.
      if (!isSysError(error)) throw error;
    }
  });
}

function post(root: string, line: string): void {
  const fd = openAt(AT_FDCWD, pathOf(root), O_WRONLY | O_NONBLOCK | O_NOFOLLOW);
  try {
    // Whole, or as much as there is room for: Linux mixes no two writes of which neither waits (fs/pipe.c, `pipe_write`).
    write(fd, Buffer.from(line));
  } finally {
    close(fd);
  }
}

/** Tells `events` what is posted, until it is disposed. @throws SysError */
export function collectPost(root: string, events: EventBus): Disposable {
  const path = pathOf(root);
  remove(path);
  mknodAt(AT_FDCWD, path, S_IFIFO | 0o600);
  // For writing as well: thus the end of the last writer is not the end.
  const fd = openAt(AT_FDCWD, path, O_RDWR | O_NONBLOCK | O_NOFOLLOW);
  const stop = new AbortController();
  const ended = readLines(fd, stop.signal, (line) => tellPosted(events, line));
  ended.catch(() => undefined);
  return {
    [Symbol.dispose]: () => {
      stop.abort();
      remove(path);
      close(fd);
    },
  };
}

function remove(path: ReturnType<typeof pathOf>): void {
  try {
    unlinkAt(AT_FDCWD, path);
  } catch (error) {
    if (!isSysError(error, "ENOENT")) throw error;
  }
}

/** Bytes of a line; labels may be long. */
const longest = 1024 * 1024;

async function readLines(fd: number, signal: AbortSignal, take: (line: string) => void): Promise<void> {
  const chunk = Buffer.alloc(65_536);
  let rest = Buffer.alloc(0);
  for (;;) {
    await whenReadable(fd, signal);
    for (let count = readSome(fd, chunk); count > 0; count = readSome(fd, chunk)) {
      rest = Buffer.concat([rest, chunk.subarray(0, count)]);
      for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
        take(rest.toString("utf8", 0, end));
        rest = rest.subarray(end + 1);
      }
      if (rest.length > longest) rest = Buffer.alloc(0);
    }
  }
}

/** 0: nothing for now. */
function readSome(fd: number, into: Buffer): number {
  try {
    return read(fd, into);
  } catch (error) {
    if (isSysError(error, "EAGAIN")) return 0;
    throw error;
  }
}

const types: readonly EventType[] = ["container", "image", "network", "volume", "builder"];

/** What is no event is passed over: an older or newer program may post it. */
function tellPosted(events: EventBus, line: string): void {
  const event = parsed(line);
  const { Type, Action, Actor } = event ?? {};
  const { ID, Attributes } = Actor ?? {};
  const isKnown = types.some((type) => type === Type);
  if (!isKnown || typeof Action !== "string" || typeof ID !== "string") return;
  if (typeof Attributes !== "object" || Attributes === null) return;
  const texts = Object.entries(Attributes).map(([key, value]) => [key, String(value)]);
  events.tell(Type as EventType, Action, ID, Object.fromEntries(texts));
}

type Posted = Partial<Pick<EngineEvent, "Type" | "Action">> & {
  readonly Actor?: Partial<EngineEvent["Actor"]>;
};

function parsed(line: string): Posted | undefined {
  try {
    return JSON.parse(line) as Posted;
  } catch {
    return undefined;
  }
}
