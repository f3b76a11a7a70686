/** What a driver's image tree says beside layers: configs, names, which blob is which layer. Byte for byte. */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { makeDirectory, writeUnsynced } from "../atomic_write.ts";
import { modes, storePaths, type StorePaths } from "../paths.ts";
import { listIfThere, readIfThere } from "../read_small.ts";
import type { Store } from "../types.ts";

/**
 * Makes the books of `target` those of `source`. Nothing is flushed. The caller holds the locks under which both change,
 * and the target has all layers.
 */
export async function copyBooks(source: Store, target: Store): Promise<void> {
  const from = storePaths(source.root, source.driver.name);
  const to = storePaths(target.root, target.driver.name);
  const images = await source.images.list();
  for (const id of await target.images.list()) {
    if (images.includes(id)) continue;
    rmSync(to.config(id), { force: true });
    rmSync(to.metadata(id), { recursive: true, force: true });
  }
  for (const id of images) copyFile(from.config(id), to.config(id), modes.privateFile);
  copyTree(from.configMetadata, to.configMetadata, modes.private, modes.privateFile);
  copyTree(from.distribution, to.distribution, modes.shared, modes.sharedFile);
  copyNames(from, to);
}

function copyNames(from: StorePaths, to: StorePaths): void {
  copyFile(from.names, to.names, modes.privateFile);
}

/** Makes `to` the same as `from`: both have been made. */
function copyTree(from: string, to: string, directoryMode: number, fileMode: number): void {
  if (!existsSync(from)) return;
  const entries = readdirSync(from, { withFileTypes: true });
  const names = new Set(entries.map((entry) => entry.name));
  for (const name of listIfThere(to))
    if (!names.has(name)) rmSync(join(to, name), { recursive: true, force: true });
  for (const entry of entries) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) {
      if (!existsSync(target)) makeDirectory(target, directoryMode);
      copyTree(source, target, directoryMode, fileMode);
    } else if (entry.isFile()) copyFile(source, target, fileMode);
  }
}

function copyFile(from: string, to: string, mode: number): void {
  const bytes = readIfThere(from);
  if (bytes === undefined || readIfThere(to)?.equals(bytes) === true) return;
  writeUnsynced(to, bytes, mode);
}
