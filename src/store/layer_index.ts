/**
 * What `layerdb/` says, in one file: `ROOT/varve/layers-<driver>`. A store of 500 images has thousands of entries of
 * five files each; reading them takes longer than all the rest of `varve images`. The file is only a memory aid: an
 * entry's directory never changes after it was renamed into place, so a line is true as long as that directory is the
 * same one (inode and time), and all lines are as long as the directory above is unchanged. It is never synced; one
 * that a crash cut short lacks its last line and is not used.
 */
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  type Stats,
} from "node:fs";
import { dirname } from "node:path";
import type { ChainId, DiffId } from "../oci/index.ts";
import { modes, type StorePaths } from "./paths.ts";
import type { StoredLayer } from "./types.ts";

export interface LayerIndex {
  /** The layer, if its entry is known and has not changed. */
  find(chainId: ChainId): StoredLayer | undefined;
  /** Remembers what was read from the entry that had these `stats`. */
  add(layer: StoredLayer, stats: Stats): void;
  remove(chainId: ChainId): void;
  /** Says that time may have passed for others: what was found unchanged before has to be looked at again. */
  recheck(): void;
}

interface Known {
  readonly version: string;
  /** A line of the file until it is asked for. */
  layer: StoredLayer | string;
}

/** A store with fewer layers than this needs no file. */
const worthwhile = 64;
/** Clocks of file systems tick every few milliseconds: a younger change may be followed by another of equal time. */
const settled = 2000;
const title = "varve layers 1";

/** The index of the store at `paths`. Reads nothing before the first question. */
export function openLayerIndex(paths: StorePaths): LayerIndex {
  return new FileLayerIndex(paths);
}

class FileLayerIndex implements LayerIndex {
  readonly #paths: StorePaths;
  #known: Map<ChainId, Known> | undefined;
  /** Version of the directory of all entries for which every known line is true; undefined: look at each. */
  #version: string | undefined;
  /** Whether the directory was found at that version in this turn of the event loop. */
  #checked: boolean | undefined;
  #saving = false;

  constructor(paths: StorePaths) {
    this.#paths = paths;
  }

  find(chainId: ChainId): StoredLayer | undefined {
    const known = this.#all().get(chainId);
    if (known === undefined) return undefined;
    if (!this.#isUnchanged()) {
      const stats = statSync(this.#paths.layer(chainId), { throwIfNoEntry: false });
      if (stats === undefined || versionOf(stats) !== known.version) {
        this.remove(chainId);
        return undefined;
      }
      this.#saveLater();
    }
    if (typeof known.layer === "string") known.layer = parseLine(known.layer);
    return known.layer;
  }

  add(layer: StoredLayer, stats: Stats): void {
    this.#all().set(layer.chainId, { version: versionOf(stats), layer });
    this.#saveLater();
  }

  remove(chainId: ChainId): void {
    this.#all().delete(chainId);
    this.#version = undefined;
    this.#checked = undefined;
  }

  recheck(): void {
    this.#checked = undefined;
  }

  /** Looked up once a turn: within one, a loop over all layers asks thousands of times. */
  #isUnchanged(): boolean {
    if (this.#checked === undefined) {
      this.#checked = this.#version !== undefined && this.#version === directoryVersion(this.#paths);
      process.nextTick(() => this.recheck());
    }
    return this.#checked;
  }

  #all(): Map<ChainId, Known> {
    if (this.#known === undefined) {
      const { version, known } = readIndex(this.#paths.layerIndex);
      this.#known = known;
      this.#version = version;
    }
    return this.#known;
  }

  /** After the work at hand: then all that it reads is in. */
  #saveLater(): void {
    if (this.#saving) return;
    this.#saving = true;
    setImmediate(() => {
      this.#saving = false;
      this.#save();
    });
  }

  #save(): void {
    const known = this.#all();
    const version = directoryVersion(this.#paths);
    if (known.size < worthwhile || version === undefined || version === this.#version) return;
    this.#dropChanged(known);
    // Taken before the look at the entries, so that a change after it makes the file stale, not wrong.
    const lines = [...known].map(([id, { version, layer }]) =>
      typeof layer === "string" ? layer : formatLine(id, version, layer),
    );
    const text = [`${title} ${version}`, ...lines, `end ${lines.length}`].join("\n");
    const temporary = `${this.#paths.layerIndex}.${process.pid}`;
    try {
      mkdirSync(dirname(temporary), { recursive: true, mode: modes.private });
      writeFileSync(temporary, text, { mode: modes.privateFile });
      renameSync(temporary, this.#paths.layerIndex);
      this.#version = version;
    } catch {
      // A root that may only be read, or a full disk: then reading stays slow.
      rmSync(temporary, { force: true });
    }
  }

  #dropChanged(known: Map<ChainId, Known>): void {
    for (const [id, { version }] of known) {
      const stats = statSync(this.#paths.layer(id), { throwIfNoEntry: false });
      if (stats === undefined || versionOf(stats) !== version) known.delete(id);
    }
  }
}

function versionOf(stats: Stats): string {
  return `${stats.ino}:${stats.mtimeMs}`;
}

/** Undefined while the directory's time may still stand for two different states. */
function directoryVersion(paths: StorePaths): string | undefined {
  const stats = statSync(paths.layers, { throwIfNoEntry: false });
  if (stats === undefined || Date.now() - stats.mtimeMs < settled) return undefined;
  return `${versionOf(stats)}:${stats.ctimeMs}`;
}

function readIndex(path: string): { version?: string; known: Map<ChainId, Known> } {
  const known = new Map<ChainId, Known>();
  if (!existsSync(path)) return { known };
  const lines = readFileSync(path, "latin1").split("\n");
  const head = lines.shift() ?? "";
  if (!head.startsWith(`${title} `) || lines.pop() !== `end ${lines.length}`) return { known };
  for (const line of lines) {
    const idEnd = line.indexOf(" ");
    const id = line.slice(0, idEnd) as ChainId;
    known.set(id, { version: line.slice(idEnd + 1, line.indexOf(" ", idEnd + 1)), layer: line });
  }
  return { version: head.slice(title.length + 1), known };
}

function formatLine(id: ChainId, version: string, layer: StoredLayer): string {
  return [id, version, layer.diffId, layer.parent ?? "-", layer.cacheId, layer.size].join(" ");
}

function parseLine(line: string): StoredLayer {
  const [chainId, , diffId, parent, cacheId = "", size] = line.split(" ");
  const layer = { chainId: chainId as ChainId, diffId: diffId as DiffId, cacheId, size: Number(size) };
  return parent === "-" ? layer : { ...layer, parent: parent as ChainId };
}
