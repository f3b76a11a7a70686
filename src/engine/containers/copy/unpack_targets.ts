/**
 * Where the entries of an archive go: into a directory of a container's, or into what is mounted below it. What is mounted
 * keeps its own owner and mode.
 */
import { statSync } from "node:fs";
import { posix } from "node:path";
import { fromText, toText, type ByteString } from "../../../byte_string.ts";
import { ownershipHere } from "../../../driver/index.ts";
import { Failure } from "../../../errors.ts";
import { LayerApplier } from "../../../layer/index.ts";
import type { NestedMount } from "./locate.ts";

export interface UnpackTarget {
  readonly applier: LayerApplier;
  /** Of an entry by its name in the container: that below the root of the applier. */
  path(name: ByteString): ByteString;
}

export class UnpackTargets implements Disposable {
  readonly #own: UnpackTarget;
  /** The deepest first. */
  readonly #nested: readonly NestedMount[];
  readonly #open = new Map<NestedMount, UnpackTarget>();

  /** @param at what entries call `directory`, which is below `root` */
  constructor(root: string, directory: string, at: string, nested: readonly NestedMount[]) {
    this.#own = target(root, directory, at);
    this.#nested = nested.toSorted((one, other) => other.at.length - one.at.length);
  }

  /**
   * @param name in the container
   * @throws Failure("denied") in Docker's words where nothing may be written, "conflict" for the place of a mounted file
   */
  of(name: ByteString, isDirectory: boolean): UnpackTarget {
    const mount = this.#nested.find(({ at }) => covers(fromText(at), name));
    if (mount === undefined) return this.#own;
    const isMount = name.replace(/\/$/, "") === fromText(mount.at);
    const shown = toText(name).replace(/\/$/, "");
    if (!isDirectory && isMount) throw new Failure("conflict", `unlinkat ${shown}: device or resource busy`);
    if (mount.readOnly) {
      const what = isDirectory && isMount ? "lchown" : "open";
      throw new Failure("denied", `${what} ${shown}: read-only file system`);
    }
    // The path of a mounted file is not that of a directory, which is told where it is looked at.
    if (statSync(mount.root, { throwIfNoEntry: false })?.isDirectory() !== true) return this.#own;
    let found = this.#open.get(mount);
    if (found === undefined) this.#open.set(mount, (found = target(mount.root, mount.inside, mount.at)));
    return found;
  }

  finish(): void {
    for (const { applier } of [this.#own, ...this.#open.values()]) applier.finish();
  }

  [Symbol.dispose](): void {
    for (const { applier } of [this.#own, ...this.#open.values()]) applier[Symbol.dispose]();
  }
}

function covers(at: ByteString, name: ByteString): boolean {
  return name === at || name.startsWith(`${at}/`);
}

function target(root: string, directory: string, at: string): UnpackTarget {
  const inside = fromText(posix.join("/", directory).replace(/^\/|\/$/g, ""));
  const start = fromText(posix.join("/", at).replace(/\/$/, "")).length;
  return {
    applier: new LayerApplier(
      { directory: root, whiteouts: "remove", ownership: ownershipHere() },
      { repeats: true },
    ),
    path: (name) => posix.join(inside, posix.join("/", name.slice(start))),
  };
}
