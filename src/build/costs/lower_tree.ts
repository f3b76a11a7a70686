/** What lies below a layer, looked at only where the layer touches it. */
import type { ByteString } from "../../byte_string.ts";
import { type NodeStat, type Origin, ReadView } from "../../union/index.ts";
import type { LowerBranch } from "./opened_layers.ts";

/** Directories whose names are kept at hand; a walk comes by few at a time. */
const keptDirectories = 256;

const noNames: ReadonlySet<ByteString> = new Set();

export interface LowerNode {
  readonly path: ByteString;
  readonly stat: NodeStat;
  /** Place of the layer in the image; undefined: nobody can tell from the tree. */
  readonly layer: number | undefined;
  /** Of a file. */
  read(offset: number, length: number): Uint8Array;
}

export class LowerTree {
  readonly #branches: readonly LowerBranch[];
  readonly #view: ReadView | undefined;
  readonly #names = new Map<ByteString, ReadonlySet<ByteString>>();

  /** @param branches uppermost first; none: there is nothing below */
  constructor(branches: readonly LowerBranch[]) {
    this.#branches = branches;
    if (branches.length === 0) return;
    this.#view = new ReadView({ dialect: "overlay2", lowers: branches.map(({ branch }) => branch) });
  }

  /** What is at the path; no symlink is followed, on the way either. */
  find(path: ByteString): LowerNode | undefined {
    if (this.#view === undefined || !this.#mayHave(path)) return undefined;
    const origin = this.#view.lookup(path);
    // A layer's own path leads through no symlink; one below is covered by the layer's directory.
    return origin === undefined || origin.path !== path ? undefined : this.#nodeOf(origin);
  }

  /** All below a directory. */
  *under(path: ByteString): Generator<LowerNode, void, undefined> {
    for (const origin of this.#view?.walk(path) ?? []) yield this.#nodeOf(origin);
  }

  #nodeOf({ path, stat, layers: [place] }: Origin): LowerNode {
    const { branch, layer } = this.#branches[place as number] as LowerBranch;
    // Layers that were unpacked have neither redirects nor copies of attributes only.
    return { path, stat, layer, read: (offset, length) => branch.read(path, offset, length) };
  }

  /** Most files of a layer are new: a set of names says so without a system call for each. */
  #mayHave(path: ByteString): boolean {
    const slash = path.lastIndexOf("/");
    return this.#namesIn(slash < 0 ? "" : path.slice(0, slash)).has(path.slice(slash + 1));
  }

  #namesIn(directory: ByteString): ReadonlySet<ByteString> {
    const known = this.#names.get(directory);
    if (known !== undefined) return known;
    const names = this.#readNames(directory);
    if (this.#names.size >= keptDirectories)
      this.#names.delete(this.#names.keys().next().value as ByteString);
    this.#names.set(directory, names);
    return names;
  }

  /** Whiteouts among them: {@link find} knows better. */
  #readNames(directory: ByteString): ReadonlySet<ByteString> {
    if (directory !== "" && !this.#mayHave(directory)) return noNames;
    const origin = directory === "" ? undefined : this.#view?.lookup(directory);
    if (directory !== "" && (origin?.stat.kind !== "directory" || origin.path !== directory)) return noNames;
    const parts = origin?.layers ?? this.#branches.map((_, index) => index);
    const names = new Set<ByteString>();
    for (const part of parts) {
      for (const { name } of this.#branches[part as number]?.branch.list(directory) ?? []) names.add(name);
    }
    return names;
  }
}
