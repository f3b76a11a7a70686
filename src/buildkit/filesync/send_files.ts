/** The sending side of `FileSend.DiffCopy`: a result's files into a directory of the client (tonistiigi/fsutil, send.go). */
import type { ByteString } from "../../byte_string.ts";
import { openTarSource, type SourceStat, type SourceTree } from "../../build/index.ts";
import type { ByteSource } from "../../bytes/index.ts";
import type { ContextPlace } from "../../engine/index.ts";
import { Failure } from "../../errors.ts";
import type { GrpcStream, Read, Write } from "../../rpc/index.ts";
import type { Session } from "../session/index.ts";
import { exporterMetadata, fileSend } from "./file_send.ts";
import { goMode, Packet, packetTypes, type Stat } from "./packets.ts";

/** BuildKit's (`bufPool`): more than gRPC allows in one message is never sent. */
const pieceSize = 32 << 10;

type PacketStream = GrpcStream<Write<typeof Packet>, Read<typeof Packet>>;

export interface FilesPlace extends ContextPlace {
  /** Which of the build's outputs it is. */
  readonly exporter?: number;
}

/**
 * Settles when the client has all files that it wanted. They belong to its user.
 * @throws Failure("invalid") where the client takes nothing; Failure("unavailable") with what it says is wrong
 */
export async function sendFiles(session: Session, tar: ByteSource, place: FilesPlace): Promise<void> {
  session.require(fileSend);
  const { temporaryDirectory, exporter, signal } = place;
  using tree = await openTarSource(tar, { directory: temporaryDirectory, signal });
  using stream = session.client.open(fileSend, Packet, Packet, {
    metadata: exporterMetadata(exporter),
    maxBytes: 4 << 20,
    signal,
  });
  const files: (ByteString | undefined)[] = [];
  let failure: unknown;
  const fail = (error: unknown): void => {
    failure ??= error;
    stream[Symbol.dispose]();
  };
  const listed = list(stream, tree, files).catch(fail);
  let sent = Promise.resolve();
  try {
    for await (const { type, id, data } of stream) {
      if (type === packetTypes.end) {
        await Promise.all([listed, sent]);
        await stream.send({ type: packetTypes.end });
        stream.end();
      } else if (type === packetTypes.request) {
        const path = taken(files, id);
        sent = sent.then(() => sendFile(stream, tree, path, id, signal)).catch(fail);
      } else if (type === packetTypes.error) throw refusedBy(data);
    }
  } catch (error) {
    throw failure ?? error;
  }
}

/** Once each: nobody can have us read for ever. */
function taken(files: (ByteString | undefined)[], id: number): ByteString {
  const path = files[id];
  if (path === undefined) throw new Failure("invalid", `invalid file id ${id}`);
  files[id] = undefined;
  return path;
}

function refusedBy(data: Uint8Array): Failure {
  const text = Buffer.from(data).toString("utf8").slice(0, 4096);
  return new Failure("unavailable", `error from receiver: ${text}`);
}

/** All files in the order that the client checks: a directory before what it holds, names by their bytes. */
async function list(
  stream: PacketStream,
  tree: SourceTree,
  files: (ByteString | undefined)[],
): Promise<void> {
  const links = new Map<string, ByteString>();
  const walk = async (directory: ByteString): Promise<void> => {
    for (const name of tree.readdir(directory)) {
      const path = directory === "" ? name : `${directory}/${name}`;
      const stat = tree.stat(path) as SourceStat;
      const first = stat.inode === undefined ? undefined : links.get(stat.inode);
      if (stat.inode !== undefined && first === undefined) links.set(stat.inode, path);
      files.push(stat.kind === "file" && first === undefined ? path : undefined);
      await stream.send({ type: packetTypes.stat, stat: told(tree, path, stat, first) });
      if (stat.kind === "directory") await walk(path);
    }
  };
  await walk("");
  await stream.send({ type: packetTypes.stat });
}

function told(
  tree: SourceTree,
  path: ByteString,
  stat: SourceStat,
  first: ByteString | undefined,
): Write<typeof Stat> {
  const { kind, mode, size, mtime, mtimeNs, devMajor, devMinor } = stat;
  const linkname = kind === "symlink" ? tree.readLink(path) : first;
  return {
    path: bytesOf(path),
    mode: goMode(kind, mode),
    size,
    mtime: BigInt(mtime) * 1_000_000_000n + BigInt(mtimeNs),
    devMajor,
    devMinor,
    xattrs: [...tree.xattrs(path)].map(([key, value]) => ({ key: bytesOf(key), value })),
    ...(linkname !== undefined && { linkname: bytesOf(linkname) }),
  };
}

async function sendFile(
  stream: PacketStream,
  tree: SourceTree,
  path: ByteString,
  id: number,
  signal: AbortSignal,
): Promise<void> {
  for await (const chunk of tree.open(path, signal))
    for (let at = 0; at < chunk.length; at += pieceSize)
      await stream.send({ type: packetTypes.data, id, data: chunk.subarray(at, at + pieceSize) });
  await stream.send({ type: packetTypes.data, id });
}

const bytesOf = (name: ByteString): Buffer => Buffer.from(name, "latin1");
