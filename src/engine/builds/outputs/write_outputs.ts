/** `--output`, `--push`, `--iidfile`, `--metadata-file`: what becomes of an image that was built. */
import { join } from "node:path";
import { fromBytes } from "../../../bytes/index.ts";
import { writeArchive } from "../../../archive/index.ts";
import { rootTar } from "../../../image/index.ts";
import { familiarReference, type Descriptor, type Platform, type Reference } from "../../../oci/index.ts";
import type { Remote } from "../../../remote/index.ts";
import { viewImage, type Session, type Store, type StoredImage } from "../../../store/index.ts";
import { Failure } from "../../../errors.ts";
import type { Images } from "../../images/index.ts";
import type { BuildOutput } from "../flags/parse_output.ts";
import type { BuildRequest } from "../types.ts";
import { buildMetadata, platformDirectory } from "./metadata.ts";
import { writeDestination, type WriteOut } from "./write_file.ts";
import { writeFiles } from "./write_files.ts";

export interface EngineParts {
  readonly store: Store;
  readonly images: Images;
  readonly remote: () => Promise<Remote>;
}

export interface OutputParts extends EngineParts {
  /** The build's. */
  readonly session: Session;
}

export interface Built {
  readonly image: StoredImage;
  readonly platform: Platform;
  /** One of several platforms of one request. */
  readonly isOneOfMany: boolean;
  readonly names: readonly Reference[];
}

/** All names that the image is to have: those of `-t`, then those of outputs. */
export function namesWanted(tags: readonly Reference[], outputs: readonly BuildOutput[]): Reference[] {
  const named = outputs.flatMap((output) => ("names" in output && !("dest" in output) ? output.names : []));
  return [...new Map([...tags, ...named].map((name) => [familiarReference(name), name])).values()];
}

/** A file, or `-` for standard output; undefined: the output is not one stream of bytes. */
function destinationOf(output: BuildOutput): string | undefined {
  switch (output.type) {
    case "image":
    case "local":
      return undefined;
    case "docker":
    case "tar":
      return output.dest;
    case "oci":
      return output.dest ?? "-";
  }
}

/** Refuses what cannot succeed before anything is built. Throws `Failure("invalid")`, `Failure("unsupported")`. */
export function checkOutputs(request: BuildRequest, names: readonly Reference[]): void {
  const { outputs = [], platforms = [], iidFile, metadataFile, stdout } = request;
  const pushes = request.push === true || outputs.some((output) => output.type === "image" && output.push);
  if (pushes && names.length === 0) {
    throw new Failure("invalid", "tag is needed when pushing to registry", {
      hint: "Give the image a name with -t.",
    });
  }
  const onStdout = outputs.filter((output) => destinationOf(output) === "-");
  if (onStdout.length > 1) throw new Failure("invalid", "only one output can go to standard output");
  const [unwritable] = stdout === undefined ? onStdout : [];
  // In buildx's words.
  if (unwritable !== undefined) {
    const message = `dest file is required for ${unwritable.type} exporter. refusing to write to console`;
    throw new Failure("invalid", message, {
      hint: `Name a file: --output type=${unwritable.type},dest=FILE`,
    });
  }
  if (platforms.length < 2) return;
  const other = outputs.find((output) => output.type !== "local" || typeof output.dest !== "string");
  if (
    outputs.length > 0 &&
    other === undefined &&
    !pushes &&
    iidFile === undefined &&
    metadataFile === undefined
  )
    return;
  throw new Failure("unsupported", "images of several platforms cannot be put under one name yet", {
    hint: "Build each --platform on its own, or write the files: --output type=local,dest=DIR",
  });
}

/** Writes every output in order, then pushes, then the files about the image. */
export async function writeOutputs(parts: OutputParts, request: BuildRequest, built: Built): Promise<void> {
  const pushed = new Map<string, Reference>();
  const push = (names: readonly Reference[]): void => {
    for (const name of names) pushed.set(familiarReference(name), name);
  };
  for (const output of request.outputs ?? []) {
    if (output.type === "image") {
      if (output.push) push(output.names.length > 0 ? output.names : built.names);
    } else await writeOutput(parts, request, built, output);
  }
  if (request.push === true) push(built.names);
  for (const name of pushed.values()) {
    const { signal, report } = request;
    await parts.images.push(name, { signal, ...(report && { report }) });
  }
  await describe(parts, request, built, [...pushed.values()]);
}

const noStdout: WriteOut = () =>
  Promise.reject(new Failure("invalid", "there is no standard output to write to"));

async function writeOutput(
  { store, session }: OutputParts,
  request: BuildRequest,
  { image, platform, isOneOfMany, names }: Built,
  output: Exclude<BuildOutput, { type: "image" }>,
): Promise<void> {
  const { signal, stdout = noStdout, sourceDateEpoch: latest } = request;
  const options = { temporaryDirectory: session.directory, signal, ...(latest !== undefined && { latest }) };
  switch (output.type) {
    case "local": {
      const { dest } = output;
      if (typeof dest !== "string") return dest(rootTar(store, image, options), options);
      const directory = isOneOfMany ? join(dest, platformDirectory(platform)) : dest;
      return writeFiles(directory, rootTar(store, image, options), signal);
    }
    case "tar":
      return writeDestination(output.dest, rootTar(store, image, options), { stdout, signal });
    case "docker":
    case "oci": {
      const dest = destinationOf(output);
      // In the store it is already.
      if (dest === undefined) return;
      const archived = {
        view: await viewImage(store, image),
        names: output.names.length > 0 ? output.names : names,
      };
      const archive = writeArchive([archived], { format: output.type, signal });
      return writeDestination(dest, archive, { stdout, signal });
    }
  }
}

async function describe(
  { remote }: OutputParts,
  { iidFile, metadataFile, signal }: BuildRequest,
  { image, platform, names }: Built,
  pushed: readonly Reference[],
): Promise<void> {
  const write = (path: string, text: string): Promise<void> =>
    writeDestination(path, fromBytes(Buffer.from(text)), { stdout: noStdout, signal });
  if (iidFile !== undefined) await write(iidFile, image.id);
  if (metadataFile === undefined) return;
  const descriptors: Descriptor[] = [];
  for (const name of pushed) descriptors.push(await (await remote()).head(name, { signal }));
  const metadata = buildMetadata({ imageId: image.id, platform, names, pushed: descriptors });
  await write(metadataFile, `${JSON.stringify(metadata, null, 2)}\n`);
}
