/** Images built layer by layer, with the records that a build of them would leave. */
import { deriveImage, layersOf } from "../../src/image/index.ts";
import type { StepRecord } from "../../src/build/index.ts";
import type { Store, StoredImage } from "../../src/store/index.ts";
import { type EntryType, packTar, type PackedEntry, type TarEntry } from "../../src/tar/index.ts";

const live = { signal: new AbortController().signal };

const plain = { linkPath: "", uid: 0, gid: 0, uname: "", gname: "", mtime: 1_000_000_000, mtimeNs: 0 };

/** An entry with the given fields, as plain as can be otherwise. */
export function tarEntry(
  path: string,
  type: EntryType,
  rest: Partial<TarEntry> = {},
  content?: string | Uint8Array,
): PackedEntry {
  const body = content === undefined ? undefined : Buffer.from(content);
  const mode = type === "directory" ? 0o755 : 0o644;
  const entry = { ...plain, path, type, mode, size: body?.length ?? 0, devMajor: 0, devMinor: 0, ...rest };
  return { entry, ...(body !== undefined && { body }) };
}

export const directory = (path: string, rest?: Partial<TarEntry>): PackedEntry =>
  tarEntry(`${path}/`, "directory", rest);
export const file = (path: string, content: string | Uint8Array, rest?: Partial<TarEntry>): PackedEntry =>
  tarEntry(path, "file", rest, content);
/** A whiteout. */
export const gone = (path: string): PackedEntry => {
  const slash = path.lastIndexOf("/") + 1;
  return tarEntry(`${path.slice(0, slash)}.wh.${path.slice(slash)}`, "file", {}, "");
};

/** Stores an image of these layers, bottom first. */
export async function imageOf(
  store: Store,
  layers: readonly (readonly PackedEntry[])[],
): Promise<StoredImage> {
  let image: StoredImage | undefined;
  for (const layer of layers) {
    image = await deriveImage(store, {
      ...(image !== undefined && { base: image }),
      tar: packTar(layer),
      history: { created_by: "test" },
      edit: () => undefined,
      ...live,
    });
  }
  return image as StoredImage;
}

/** A step: line and text, and the place of its layer in the image. */
export type GivenStep = readonly [line: number, text: string, layer?: number | undefined, stage?: number];

/** What a build would say of steps that made the image's layers. */
export async function recordsOf(
  store: Store,
  image: StoredImage,
  steps: readonly GivenStep[],
  names: readonly string[] = ["0"],
): Promise<StepRecord[]> {
  const layers = await layersOf(store, image);
  const counts = new Map<number, number>();
  return steps.map(([line, text, place, stage = 0]) => {
    const step = (counts.get(stage) ?? 0) + 1;
    counts.set(stage, step);
    const layer = place === undefined ? undefined : layers[place];
    const end = { line, column: text.length + 1 };
    return {
      id: { stage, stageName: names[stage] ?? String(stage), step, steps: steps.length },
      text,
      span: { start: { line, column: 1 }, end },
      ...(layer !== undefined && { layer }),
      cache: { hit: false, reason: "new" } as const,
      milliseconds: 1,
    };
  });
}
