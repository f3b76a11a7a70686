/** What each request of the kernel is answered. Knows nothing of where requests come from. */
import type { DirectoryNode, TreeNode } from "../union/index.ts";
import { listDirectory } from "./list_directory.ts";
import { negotiate } from "./negotiate.ts";
import { NodeTable } from "./node_table.ts";
import type { Owners } from "./owners.ts";
import { errors, opcodes, replyBody, replyHeader, requestBody } from "./protocol.ts";
import { readContent, seekContent } from "./read_content.ts";
import { listXattrs, readXattr } from "./read_xattrs.ts";
import type { Outcome, Reply } from "./reply.ts";
import type { Request } from "./request.ts";
import {
  attributesSize,
  entrySize,
  type Facts,
  writeAttributesReply,
  writeEntry,
  writeNoEntry,
} from "./write_attributes.ts";

export class TreeServer {
  readonly #facts: Facts;
  readonly #sources: readonly number[];
  readonly #hasXattrs: boolean;
  readonly #hasAcls: boolean;

  constructor(root: DirectoryNode, sources: readonly number[], owners: Owners) {
    const table = new NodeTable(root);
    this.#facts = { table, owners };
    this.#sources = sources;
    let [hasXattrs, hasAcls] = [false, false];
    for (const { xattrs } of table.nodes) {
      for (const name of xattrs?.keys() ?? []) {
        if (!owners.shows(name)) continue;
        hasXattrs = true;
        hasAcls ||= name.startsWith("system.posix_acl_");
      }
    }
    this.#hasXattrs = hasXattrs;
    this.#hasAcls = hasAcls;
  }

  /** Puts the body of the answer into `reply`. @throws SysError where a tar cannot be read */
  answer(request: Request, reply: Reply): Outcome {
    switch (request.opcode) {
      case opcodes.init:
        return negotiate(request, reply, this.#hasAcls);
      // Nothing is ever forgotten, and every answer is given before the next request is read.
      case opcodes.forget:
      case opcodes.batchForget:
      case opcodes.interrupt:
        return undefined;
      case opcodes.statfs:
        return this.#statfs(reply);
      case opcodes.release:
      case opcodes.releasedir:
      case opcodes.destroy:
        return 0;
      case opcodes.setattr:
      case opcodes.symlink:
      case opcodes.mknod:
      case opcodes.mkdir:
      case opcodes.unlink:
      case opcodes.rmdir:
      case opcodes.rename:
      case opcodes.rename2:
      case opcodes.link:
      case opcodes.write:
      case opcodes.setxattr:
      case opcodes.removexattr:
      case opcodes.create:
      case opcodes.tmpfile:
      case opcodes.fallocate:
      case opcodes.copyFileRange:
        return -errors.EROFS;
      default:
        return this.#answerAbout(request, reply);
    }
  }

  /** Requests about one file. */
  #answerAbout(request: Request, reply: Reply): Outcome {
    const id = request.node;
    const node = this.#facts.table.node(id);
    if (node === undefined) return -errors.ENOENT;
    switch (request.opcode) {
      case opcodes.lookup:
        return this.#lookup(request, reply, node);
      case opcodes.getattr:
        writeAttributesReply(reply, replyBody, this.#facts, id);
        return attributesSize;
      case opcodes.readlink:
        if (node.kind !== "symlink") return -errors.EINVAL;
        return reply.bytes.write(node.target, replyHeader, "latin1");
      case opcodes.read:
        return this.#read(request, reply, node);
      case opcodes.lseek:
        return seek(request, reply, node);
      case opcodes.readdir:
      case opcodes.readdirplus:
        return this.#list(request, reply, node);
      case opcodes.getxattr:
      case opcodes.listxattr:
        return this.#xattrs(request, reply, node);
      // OPEN and OPENDIR, too: what they would say is what the kernel assumes then. It never asks again.
      default:
        return -errors.ENOSYS;
    }
  }

  #lookup(request: Request, reply: Reply, directory: TreeNode): Outcome {
    if (directory.kind !== "directory") return -errors.ENOTDIR;
    const node = directory.entries.get(request.name(0));
    // Not ENOENT, which the kernel would not remember.
    if (node === undefined) writeNoEntry(reply, replyBody);
    else writeEntry(reply, replyBody, this.#facts, node);
    return entrySize;
  }

  #read(request: Request, reply: Reply, file: TreeNode): Outcome {
    if (file.kind !== "file") return file.kind === "directory" ? -errors.EISDIR : -errors.EINVAL;
    const [offset, size] = [request.wide(requestBody + 2), request.word(requestBody + 4)];
    return readContent(reply, this.#sources, file, offset, size);
  }

  #list(request: Request, reply: Reply, directory: TreeNode): Outcome {
    if (directory.kind !== "directory") return -errors.ENOTDIR;
    return listDirectory(reply, this.#facts, {
      directory,
      id: request.node,
      position: request.wide(requestBody + 2),
      size: request.word(requestBody + 4),
      plus: request.opcode === opcodes.readdirplus,
    });
  }

  #xattrs(request: Request, reply: Reply, node: TreeNode): Outcome {
    // The kernel then never asks again: overlayfs and every start of a program would, for each file.
    if (!this.#hasXattrs) return -errors.ENOSYS;
    const { owners } = this.#facts;
    const size = request.word(requestBody);
    if (request.opcode === opcodes.listxattr) return listXattrs(reply, owners, node, size);
    return readXattr(reply, owners, node, request.name(8), size);
  }

  #statfs(reply: Reply): Outcome {
    const { table } = this.#facts;
    const block = 4096;
    reply.clear(80);
    reply.wide(replyBody, Math.ceil(table.contentSize / block));
    reply.wide(replyBody + 6, table.count);
    reply.words[replyBody + 10] = block;
    // Longest name, as everywhere on Linux.
    reply.words[replyBody + 11] = 255;
    reply.words[replyBody + 12] = block;
    return 80;
  }
}

const SEEK_DATA = 3;
const SEEK_HOLE = 4;

function seek(request: Request, reply: Reply, file: TreeNode): Outcome {
  const whence = request.word(requestBody + 4);
  if (file.kind !== "file" || (whence !== SEEK_DATA && whence !== SEEK_HOLE)) return -errors.EINVAL;
  const place = seekContent(file, request.wide(requestBody + 2), whence === SEEK_HOLE);
  if (place === undefined) return -errors.ENXIO;
  reply.wide(replyBody, place);
  return 8;
}
