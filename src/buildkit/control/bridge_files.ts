/** Files of results, as clients read them before they build. */
import { fromText } from "../../byte_string.ts";
import { codes, GrpcError, type Read, type Write } from "../../rpc/index.ts";
import { goMode } from "../filesync/index.ts";
import type { BuildUnderWay } from "./build_under_way.ts";
import type { ReadFileRequest, ReadFileResponse, RefRequest, StatFileResponse } from "./gateway_messages.ts";

/** Of a result that is no place elsewhere only the root is known: clients look at it to have the result made. */
export async function statFile(
  build: BuildUnderWay,
  { ref, path }: Read<typeof RefRequest>,
): Promise<Write<typeof StatFileResponse>> {
  if (!build.hasFiles(ref) && (path === "." || path === "")) {
    await build.result(ref);
    return { stat: { mode: goMode("directory", 0o755) } };
  }
  const stat = (await build.files(ref)).stat(path);
  if (stat === undefined) throw missing("lstat", path);
  const { kind, mode, size, mtime } = stat;
  const name = Buffer.from(fromText(path.split("/").at(-1) ?? ""), "latin1");
  return { stat: { path: name, mode: goMode(kind, mode), size, mtime: BigInt(mtime) * 1_000_000_000n } };
}

export async function readFile(
  build: BuildUnderWay,
  { ref, path, range }: Read<typeof ReadFileRequest>,
): Promise<Write<typeof ReadFileResponse>> {
  const bytes = (await build.files(ref)).read(path);
  if (bytes === undefined) throw missing("open", path);
  if (range === undefined) return { data: bytes };
  const { offset, length } = range;
  return { data: bytes.subarray(offset, length > 0 ? offset + length : undefined) };
}

/** Clients look for these words. */
function missing(how: string, path: string): GrpcError {
  return new GrpcError(codes.unknown, `${how} ${path}: no such file or directory`);
}
