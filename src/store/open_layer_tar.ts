/**
 * A layer's exact tar. Where the driver has unpacked it, everything but the files' contents is in its tar-split record,
 * and the contents lie in the driver's directory (behaviours B140).
 */
import { fromText, toText, type ByteString } from "../byte_string.ts";
import {
  decompress,
  fromFile,
  throwIfCancelled,
  verify,
  type ByteSource,
  type OpenOptions,
} from "../bytes/index.ts";
import { Failure, isFailure } from "../errors.ts";
import { layerPath, readKeptTar } from "../layer/index.ts";
import type { DiffId } from "../oci/index.ts";
import {
  AT_FDCWD,
  close,
  fstat,
  isSysError,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  openAt,
  openIn,
  read,
  S_IFMT,
  S_IFREG,
  statAtIfExists,
} from "../sys/index.ts";
import { assembledSize, assembleTar, type SplitFile } from "../tar/index.ts";

interface UnpackedFiles {
  /** Path of the layer's `tar-split.json.gz`. */
  readonly tarSplit: string;
  /** The unpacked layer. No file is read from outside of it, whatever the record or a link in it says. */
  readonly directory: string;
}

interface KeptTar {
  /** Path of the tar itself. */
  readonly tar: string;
}

export type LayerFiles = (UnpackedFiles | KeptTar) & {
  /** What the tar must hash to. */
  readonly diffId: DiffId;
};

/**
 * The tar from byte `options.offset` on. The source ends with `Failure("corrupt")` when the whole does not hash to the
 * diff ID (bytes before the offset are made and hashed as well), when a file is not as it was unpacked, or when the
 * record cannot be read; with `Failure("cancelled")` when the signal aborts.
 */
export async function* openLayerTar(
  layer: LayerFiles,
  options: OpenOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { signal, offset = 0 } = options;
  let position = 0;
  try {
    for await (const chunk of verify("tar" in layer ? readKeptTar(layer) : assembled(layer), {
      digest: layer.diffId,
      what: "layer",
    })) {
      throwIfCancelled(signal);
      const skip = Math.min(Math.max(offset - position, 0), chunk.length);
      position += chunk.length;
      if (skip < chunk.length) yield skip === 0 ? chunk : chunk.subarray(skip);
    }
  } catch (error) {
    throw saysDamage(error) ? damaged(layer, error) : error;
  }
}

/** Bytes of that tar, from its record alone. Throws `Failure("corrupt")` when the record cannot be read. */
export async function layerTarSize(layer: LayerFiles): Promise<number> {
  if ("tar" in layer) return keptSize(layer);
  try {
    return await assembledSize(decompress(fromFile(layer.tarSplit)));
  } catch (error) {
    throw saysDamage(error) ? damaged(layer, error) : error;
  }
}

function keptSize(layer: KeptTar & LayerFiles): number {
  const stat = statAtIfExists(AT_FDCWD, fromText(layer.tar));
  if (stat !== undefined) return stat.size;
  throw damaged(layer, new Failure("not-found", `${layer.tar} is missing`));
}

async function* assembled(layer: UnpackedFiles): ByteSource & AsyncGenerator<Uint8Array> {
  const root = openAt(AT_FDCWD, fromText(layer.directory), O_PATH | O_DIRECTORY);
  try {
    const record = decompress(fromFile(layer.tarSplit));
    yield* assembleTar(record, (name) => openFile(root, name));
  } finally {
    close(root);
  }
}

/** O_NONBLOCK: should the file have become a FIFO, opening it must not hang. */
const reading = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;

function openFile(root: number, name: ByteString): SplitFile {
  // As it was unpacked: of `a/../b`, which the kernel would look up, the layer may have no `a`.
  const fd = openIn(root, layerPath(name), reading);
  if ((fstat(fd).mode & S_IFMT) !== S_IFREG) {
    close(fd);
    throw new Failure("corrupt", `${toText(name)} is no file any more`);
  }
  return { read: (into) => read(fd, into), close: () => close(fd) };
}

/** Whether a failure says that the layer is not as it was stored; others (EMFILE, EIO) say nothing of the layer. */
function saysDamage(error: unknown): error is Failure {
  return (
    isFailure(error, "corrupt") ||
    isFailure(error, "not-found") ||
    isSysError(error, "ENOTDIR", "ELOOP", "EXDEV", "ENXIO")
  );
}

function damaged(layer: LayerFiles, error: Failure): Failure {
  return new Failure("corrupt", `cannot rebuild layer ${layer.diffId}: ${error.message}`, {
    cause: error,
    hint: "Remove the images that use the layer and pull them again.",
  });
}
