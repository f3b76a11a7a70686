/** The loop of a FUSE server. */
import { type ByteString } from "../byte_string.ts";
import * as sys from "../sys/index.ts";
import type { DirectoryNode } from "../union/index.ts";
import { type Ownership, ownersOf } from "./owners.ts";
import { errors } from "./protocol.ts";
import { type Outcome, Reply } from "./reply.ts";
import { Request } from "./request.ts";
import { TreeServer } from "./tree_server.ts";

export interface ServeOptions {
  /** An open and mounted `/dev/fuse`, as `mountFuse` gives it. */
  readonly fuse: number;
  readonly root: DirectoryNode;
  /** The tars that the tree's extents mean, in their order: paths, or descriptors that are open for reading. */
  readonly sources: readonly (ByteString | number)[];
  /** `exact` by default. */
  readonly ownership?: Ownership;
}

/**
 * Answers the kernel's requests until the file system is unmounted everywhere, then returns.
 *
 * Blocks the thread, and with it the process: no timer, no signal handler and no promise ever runs, so that the way
 * to end it from outside is to unmount, or a signal without a handler. Have one process for each mount, which must
 * never itself touch a file in there: it would wait for its own answer. When the last descriptor of this `/dev/fuse`
 * is closed, whoever uses the mount gets ENOTCONN until it is unmounted; so nobody else should keep one open.
 * @throws SysError if a tar cannot be opened
 */
export function serveTree({ fuse, root, sources, ownership = "exact" }: ServeOptions): void {
  const open = sources.map((source) => (typeof source === "number" ? source : openTar(source)));
  const server = new TreeServer(root, open, ownersOf(ownership));
  const [request, reply] = [new Request(), new Reply()];
  while (receive(fuse, request)) {
    const outcome = answer(server, request, reply);
    if (outcome !== undefined) send(fuse, reply, reply.finish(request, outcome));
  }
  for (const [index, fd] of open.entries()) if (typeof sources[index] !== "number") sys.close(fd);
}

function openTar(path: ByteString): number {
  return sys.openAt(sys.AT_FDCWD, path, sys.O_RDONLY);
}

function answer(server: TreeServer, request: Request, reply: Reply): Outcome {
  try {
    return server.answer(request, reply);
  } catch (error) {
    // The disk fails, or the network below it: that is the reader's to know, and may pass.
    if (sys.isSysError(error)) return -errors.EIO;
    throw error;
  }
}

/** @returns false when the file system is unmounted, or its connection was cut */
function receive(fuse: number, request: Request): boolean {
  for (;;) {
    try {
      sys.read(fuse, request.bytes);
      return true;
    } catch (error) {
      if (sys.isSysError(error, "ENODEV", "ECONNABORTED")) return false;
      // Whoever asked was interrupted before the request was read.
      if (!sys.isSysError(error, "ENOENT", "EAGAIN")) throw error;
    }
  }
}

function send(fuse: number, reply: Reply, length: number): void {
  try {
    sys.write(fuse, reply.bytes, 0, length);
  } catch (error) {
    // Nobody waits for it any more. All else is a fault of ours: better no connection than one that waits for ever.
    if (!sys.isSysError(error, "ENOENT", "ENODEV", "ECONNABORTED")) throw error;
  }
}
