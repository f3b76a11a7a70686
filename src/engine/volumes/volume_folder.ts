/**
 * `ROOT/volumes` as dockerd has it: `<name>/_data` with the content, `<name>/opts.json` with what is mounted there. dockerd
 * keeps labels in `metadata.db`, which we only read; ours lie in `<name>/varve.json`, where it does not look. It lists
 * every directory.
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fromText } from "../../byte_string.ts";
import { writeUnsynced, type Store } from "../../store/index.ts";
import { removeTreeInSlices } from "../../sys/index.ts";
import type { Volume } from "../../wire/index.ts";
import { dockerdLabels } from "./dockerd_labels.ts";
import { isVolumeName } from "./volume_name.ts";
import { decodeOptions, encodeOptions, type VolumeOptions } from "./volume_options.ts";

export type Labels = Readonly<Record<string, string>>;

/** Held while volumes come and go and while containers begin to refer to them: so the two never cross. */
export const volumesLock = "volumes";

const folderOf = (store: Store, name: string): string => join(store.root, "volumes", name);

/** Where the content of a volume lies, whether there is such a volume or not. */
export function volumeData(store: Store, name: string): string {
  return join(folderOf(store, name), "_data");
}

/** All of them, by name. */
export function volumeNames(store: Store): string[] {
  return folderNames(store)
    .filter((name) => existsSync(volumeData(store, name)))
    .sort();
}

function folderNames(store: Store): string[] {
  const directory = join(store.root, "volumes");
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && isVolumeName(entry.name))
    .map(({ name }) => name);
}

/** Undefined: there is none. */
export function readVolume(store: Store, name: string): Volume | undefined {
  if (!isVolumeName(name)) return undefined;
  const folder = folderOf(store, name);
  const created = statSync(volumeData(store, name), { throwIfNoEntry: false })?.isDirectory()
    ? statSync(folder).ctimeMs
    : undefined;
  if (created === undefined) return undefined;
  return {
    CreatedAt: new Date(created).toISOString().replace(/\.\d+Z$/, "Z"),
    Driver: "local",
    Labels: readLabels(store, name),
    Mountpoint: volumeData(store, name),
    Name: name,
    Options: readOptions(store, name) ?? null,
    Scope: "local",
  };
}

/** What is to be mounted on a volume; undefined: nothing. */
export function readOptions(store: Store, name: string): VolumeOptions | undefined {
  const text = readIfThere(join(folderOf(store, name), "opts.json"));
  return text === undefined ? undefined : decodeOptions(name, text);
}

function readLabels(store: Store, name: string): Labels | null {
  const text = readIfThere(join(folderOf(store, name), "varve.json"));
  if (text === undefined) return dockerdLabels(store.root, name) ?? null;
  try {
    return (JSON.parse(text) as { readonly Labels?: Labels }).Labels ?? null;
  } catch {
    // A loss of power may leave it empty; the content counts for more.
    return null;
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

/** The content's directory comes last: without it there is no volume, and the next attempt makes it whole. */
export async function makeVolumeFolder(
  store: Store,
  name: string,
  options: VolumeOptions,
  labels: Labels,
): Promise<void> {
  const folder = folderOf(store, name);
  makeDirectory(join(store.root, "volumes"), 0o701);
  makeDirectory(folder, 0o701);
  if (!isEmpty(options)) await writeBeside(join(folder, "opts.json"), encodeOptions(options));
  // Also where there are none: dockerd may remember another volume of that name.
  const given = isEmpty(labels) ? null : labels;
  writeUnsynced(join(folder, "varve.json"), JSON.stringify({ Labels: given }), 0o600);
  makeDirectory(volumeData(store, name), 0o755);
}

const isEmpty = (value: object): boolean => Object.keys(value).length === 0;

/** Flushed: dockerd does not start where an `opts.json` is empty. */
async function writeBeside(path: string, text: string): Promise<void> {
  const beside = `${path}.tmp-${process.pid}`;
  await writeFile(beside, text, { mode: 0o600, flush: true });
  await rename(beside, path);
}

/** With its mode whatever the umask is. One that is there keeps its own. */
function makeDirectory(path: string, mode: number): void {
  try {
    mkdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return;
    throw error;
  }
  chmodSync(path, mode);
}

/** What a kill has left of volumes that were being made or removed: no content. For whoever holds the lock of volumes. */
export async function removeHalfVolumes(store: Store): Promise<void> {
  const whole = new Set(volumeNames(store));
  for (const name of folderNames(store)) {
    const folder = folderOf(store, name);
    const left = readdirSync(folder);
    if (left.includes(leaving)) await removeTreeInSlices(fromText(join(folder, leaving)));
    // Whatever else lies there is not ours.
    if (whole.has(name) || !left.every((file) => file === leaving || /(opts|varve)\.json/.test(file)))
      continue;
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What was `_data`: once it has that name there is no such volume, so none is seen with a part of its content. */
const leaving = "_data.removing";

/** Nothing may be mounted there any more. @throws SysError */
export async function removeVolumeFolder(store: Store, name: string): Promise<void> {
  const folder = folderOf(store, name);
  // Of an earlier removal that was killed.
  await removeTreeInSlices(fromText(join(folder, leaving)));
  renameSync(volumeData(store, name), join(folder, leaving));
  await removeTreeInSlices(fromText(folder));
}
