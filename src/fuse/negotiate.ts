/** INIT: the first request, in which both sides say what they can do. */
import * as sys from "../sys/index.ts";
import {
  errors,
  initFlags,
  largestRead,
  newestMinor,
  oldestMinor,
  protocolMajor,
  replyBody,
  requestBody,
} from "./protocol.ts";
import type { Outcome, Reply } from "./reply.ts";
import type { Request } from "./request.ts";

/** `fuse_init_out`, in bytes. */
const size = 64;
/** Kernels take no less (process_init_reply in fs/fuse/inode.c), and nothing is ever written. */
const maxWrite = 4096;
/** Requests of readahead that may wait here before the kernel holds back more. */
const maxBackground = 64;

/**
 * Not FUSE_READDIRPLUS_AUTO, which leaves the attributes out after the first piece of a directory: they cost `find`
 * nothing that can be measured, and without them `find -size` on a tree of 55,000 takes twice the time.
 */
const wanted =
  initFlags.asyncRead |
  initFlags.readdirplus |
  initFlags.noOpen |
  initFlags.noOpendir |
  initFlags.parallelDirectoryOperations |
  initFlags.maxPages |
  initFlags.cacheSymlinks;

/** @param hasAcls whether any file of the tree has a POSIX ACL */
export function negotiate(request: Request, reply: Reply, hasAcls: boolean): Outcome {
  const [major, minor] = [request.word(requestBody), request.word(requestBody + 1)];
  if (major < protocolMajor || (major === protocolMajor && minor < oldestMinor)) return -errors.EPROTO;
  const { words } = reply;
  reply.clear(size);
  words[replyBody] = protocolMajor;
  words[replyBody + 1] = Math.min(minor, newestMinor);
  // A kernel of a later major version sees ours in the answer, and asks again in it.
  if (major > protocolMajor) return size;
  words[replyBody + 2] = largestRead;
  words[replyBody + 3] = request.word(requestBody + 3) & (hasAcls ? wanted | initFlags.posixAcl : wanted);
  // Some of its numbers have 16 bits.
  const half = new Uint16Array(words.buffer);
  half[(replyBody + 4) * 2] = maxBackground;
  half[(replyBody + 4) * 2 + 1] = (maxBackground * 3) / 4;
  words[replyBody + 5] = maxWrite;
  words[replyBody + 6] = 1;
  // A READ for more than there is room for would be answered in part, which the kernel takes for the end of the file.
  half[(replyBody + 7) * 2] = largestRead / sys.pageSize();
  return size;
}
