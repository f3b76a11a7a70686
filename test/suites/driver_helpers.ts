/** Short ways to make, change and look at layers of a driver. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";
import type { ByteSource } from "../../src/bytes/index.ts";
import type { CacheId, Driver } from "../../src/driver/index.ts";
import { type ApplyTarget, isTarTarget, unpackHere } from "../../src/layer/index.ts";
import { readTar } from "../../src/tar/index.ts";

/** A new name for a driver's directory, as Docker makes them. */
export const newCacheId = (): CacheId => randomBytes(32).toString("hex");

/** Where the files of `id` lie, which no tar keeps. */
export function directoryOf(driver: Driver, id: CacheId): ApplyTarget {
  const target = driver.target(id);
  assert.ok(!isTarTarget(target));
  return target;
}

/** What holds the content of `id`: its directory, or its tar. */
export function contentOf(driver: Driver, id: CacheId): string {
  const target = driver.target(id);
  return isTarTarget(target) ? target.tar : target.directory;
}

/** Damages what holds the content of `id`, so that only reading it all tells. */
export function damage(driver: Driver, id: CacheId, file: string): void {
  const target = driver.target(id);
  const path = isTarTarget(target) ? target.tar : join(target.directory, file);
  const bytes = fs.readFileSync(path);
  bytes[1000]! ^= 0xff;
  fs.writeFileSync(path, bytes);
}

/** Mounts `id`, lets `act` loose on it, unmounts. */
export async function inRoot<T>(
  driver: Driver,
  id: CacheId,
  act: (root: string) => T | Promise<T>,
  options: { readonly readOnly?: boolean } = {},
): Promise<T> {
  await using root = await driver.mount(id, options);
  return await act(root.path);
}

/** Makes a layer on `parent` by letting `edit` change its merged view. */
export async function makeLayer(
  driver: Driver,
  parent: CacheId | undefined,
  edit: (root: string) => void = () => {},
): Promise<CacheId> {
  const id = newCacheId();
  await driver.create(id, parent, { writable: true });
  await inRoot(driver, id, edit);
  return id;
}

/** For what nobody cancels. */
export const live = { signal: new AbortController().signal };

/** `A /path` lines of {@link Driver.changes}. */
export async function changesOf(driver: Driver, id: CacheId): Promise<string[]> {
  return (await driver.changes(id, live)).map(({ kind, path }) => `${kind} ${path}`);
}

/** `type path` of each entry, with the target of a hard link. */
export async function entriesOf(tar: ByteSource): Promise<string[]> {
  const entries: string[] = [];
  for await (const { entry } of readTar(tar)) {
    entries.push(`${entry.type} ${entry.path}${entry.type === "hardlink" ? ` = ${entry.linkPath}` : ""}`);
  }
  return entries;
}

/** {@link entriesOf} the layer tar of `id`. */
export async function tarOf(driver: Driver, id: CacheId): Promise<string[]> {
  return entriesOf(driver.diff(id, live));
}

/** Takes the layer tar of `from` and unpacks it into `to`. */
export async function unpack(driver: Driver, from: CacheId, to: CacheId): Promise<void> {
  const open = () => Promise.resolve(driver.diff(from, live));
  await unpackHere({ target: driver.target(to), open, ...live });
}

/** A layer of an image: what `edit` makes of the view of `parent`, in the form in which the driver keeps such layers. */
export async function makeImageLayer(
  driver: Driver,
  parent: CacheId | undefined,
  edit: (root: string) => void,
): Promise<CacheId> {
  const edited = await makeLayer(driver, parent, edit);
  const id = newCacheId();
  await driver.create(id, parent);
  await unpack(driver, edited, id);
  await driver.remove(edited);
  return id;
}
