/** What no layer may hold, in words: the same whether a layer is unpacked or only catalogued. */
import type { ByteString } from "../byte_string.ts";
import { Failure } from "../errors.ts";
import { isSysError } from "../sys/index.ts";
import { nameOf, shown } from "./layer_path.ts";

/** With the `cause` only where there is one. */
function invalid(message: string, cause?: unknown): Failure {
  return new Failure("invalid", message, cause === undefined ? {} : { cause });
}

export function notADirectory(path: ByteString, cause?: unknown): Failure {
  return invalid(`layer uses ${shown(path)} as a directory, but it is not one`, cause);
}

export function danglingParent(path: ByteString, cause?: unknown): Failure {
  return invalid(`layer puts a file below ${shown(path)}, a symlink to nothing in this layer`, cause);
}

export function bothDirectoryAndFile(path: ByteString): Failure {
  return invalid(`layer uses ${shown(path)} both as a directory and as a file`);
}

export function missingTarget(path: ByteString, target: ByteString, cause?: unknown): Failure {
  return invalid(`hard link ${shown(path)} leads to ${shown(target)}, which is not in this layer`, cause);
}

export function notLinkable(path: ByteString, target: ByteString, cause?: unknown): Failure {
  return invalid(`hard link ${shown(path)} leads to ${shown(target)}, which is a directory`, cause);
}

export function hidesItself(path: ByteString): Failure {
  return invalid(`layer has both ${shown(path)} and, after it, its whiteout`);
}

export function whiteoutDevice(path: ByteString): Failure {
  return new Failure(
    "invalid",
    `layer has a character device 0/0 at ${shown(path)}, which overlayfs takes for a whiteout`,
    { hint: `A layer hides a file with an empty file named ${shown(`.wh.${nameOf(path)}`)} beside it.` },
  );
}

export function impossibleDevice(path: ByteString, major: number, minor: number): Failure {
  return invalid(`device ${shown(path)} in the layer has the impossible number ${major}:${minor}`);
}

/** What symlink(2) takes. */
export function isTarget(target: ByteString): boolean {
  return target.length > 0 && target.length < 4096;
}

export function impossibleTarget(path: ByteString, target: ByteString): Failure {
  return invalid(`symlink ${shown(path)} in the layer has a target of ${target.length} bytes, not 1 to 4095`);
}

export function impossibleOwner(uid: number, gid: number): Failure {
  return invalid(`owner ${uid}:${gid} in the layer is not a Linux user and group`);
}

/** A failure of the disk in the words of what was done; any other error as it is. */
export function explainSysError(what: string, error: unknown): unknown {
  if (!isSysError(error)) return error;
  const hint =
    error.kind === "no-space"
      ? "Free space on the disk that holds the data root, then try again."
      : undefined;
  return new Failure(error.kind, `${what}: ${error.message}`, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}
