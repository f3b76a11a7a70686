/**
 * What the union file systems are that Docker has used, and how they differ. Facts from the kernel's overlayfs.rst,
 * aufs.5, Docker's release notes and storage driver guide; behaviours B018, B019.
 */
import { type Demonstrated, demonstrate } from "./demonstrate.ts";
import type { Dialect } from "./types.ts";

export interface Explanation {
  readonly title: string;
  /** Paragraphs. */
  readonly text: readonly string[];
  /** How "this name is gone" and "nothing below shows through" are spelled; absent for what is no file system. */
  readonly whiteout?: string;
  readonly opaque?: string;
  readonly limits: readonly string[];
  /** What is often told, and what is so. */
  readonly misconceptions: readonly { readonly told: string; readonly so: string }[];
  /** The simulator's own doing. */
  readonly demonstration?: readonly Demonstrated[];
}

export const unionFileSystems = ["unionfs", "aufs", "overlay", "overlay2"] as const;
export type UnionFileSystem = (typeof unionFileSystems)[number];

export function explainUnion(name: UnionFileSystem): Explanation {
  const explanation = explanations[name];
  return name === "unionfs"
    ? explanation
    : { ...explanation, demonstration: demonstrate(name satisfies Dialect) };
}

const reading =
  "A file is found by going down from the top and is opened where it lies. Before the first change the whole file is " +
  "copied up into the writable branch, whatever its size; after that the copy is changed in place.";

const explanations: Readonly<Record<UnionFileSystem, Explanation>> = {
  unionfs: {
    title: "UnionFS: the idea, and the first one for Linux",
    text: [
      "A union mount shows several directories, the branches, as one: the entries of all of them, where an ordinary " +
        "mount would hide what was there before. The uppermost branch that has a name wins; directories of the same " +
        "name merge. At most one branch is written to.",
      reading,
      "Unionfs came from Stony Brook University (2004). It was never part of the Linux kernel, and Docker never used " +
        "it: AUFS began as its rewrite.",
    ],
    whiteout: "file .wh.<name> in the branch above",
    opaque: "file .wh.__dir_opaque in the directory",
    limits: ["not in the Linux kernel; needs patches that ended with the 3.x kernels"],
    misconceptions: [
      {
        told: "Docker's layers are UnionFS",
        so: "the word stayed for the idea; Docker has used AUFS, then OverlayFS",
      },
    ],
  },
  aufs: {
    title: "AUFS: Docker's first storage driver",
    text: [
      'Junjiro Okajima\'s rewrite of Unionfs (2006), later "advanced multi-layered unification filesystem". Docker ' +
        "began with it in 2013, on Ubuntu and Debian kernels that carried the patch. Every layer is a branch.",
      reading,
      "Whiteouts are ordinary files. When layers were first put into tars, they were spelled as AUFS does it, and so " +
        "every image layer spells them to this day, whatever driver it is unpacked by.",
    ],
    whiteout: "file .wh.<name> beside where the name would be",
    opaque: "file .wh..wh..opq in the directory",
    limits: [
      "never accepted into the Linux kernel; dropped in Docker Engine 24",
      "names of at most 242 bytes; names that begin with .wh. cannot be used",
      "127 branches",
      "renaming a directory that a lower branch has is EXDEV: mv copies it",
      "a lookup asks one branch after the other: deep stacks are slow",
    ],
    misconceptions: [
      {
        told: "a deleted file is renamed to .wh.<name>",
        so: "nothing happens to it: the layer above gets an empty file of that name",
      },
      {
        told: 'the word is "writeout"',
        so: "it is whiteout, as in painting over",
      },
    ],
  },
  overlay: {
    title: "overlay: OverlayFS with one lower branch",
    text: [
      "Miklos Szeredi's OverlayFS entered Linux 3.18 in December 2014; Docker 1.4 of the same month had a driver for " +
        "it, in every edition. The kernel then merged one lower directory with one upper directory, no more.",
      "So the driver gave every layer a whole tree: a copy of the layer below in which every file was a hard link. " +
        "Bytes are stored once that way, but each layer costs an inode for every directory and symlink of the whole " +
        "image, and a directory entry for every file: file systems ran out of inodes.",
      reading,
    ],
    whiteout: "char device 0/0 of the name",
    opaque: 'xattr trusted.overlay.opaque="y" of the directory',
    limits: [
      "Linux 3.18 or newer; one lower branch",
      "inodes: every layer repeats all directories and symlinks below it",
      "renaming a directory that the lower branch has is EXDEV: mv copies it",
      "deprecated in Docker 18.09, dropped in Docker Engine 24",
    ],
    misconceptions: [
      {
        told: "overlay and overlay2 are two file systems",
        so: "they are two Docker drivers of one: OverlayFS",
      },
      { told: "OverlayFS is for the Community Edition", so: "every edition of Docker has had it" },
    ],
  },
  overlay2: {
    title: "overlay2: OverlayFS with many lower branches",
    text: [
      "Since Linux 4.0 OverlayFS merges many lower directories. Docker 1.12 (2016) made a driver of it, by now the " +
        "default: a layer's directory holds what the layer changed and no more, and a container's root is mounted " +
        "from all of them. Far fewer inodes than overlay needs. Of its rivals AUFS and overlay were dropped in Engine " +
        "24, devicemapper in 25.",
      reading,
      "The kernel looks a name up in every branch until it is found, then remembers. Containers that read the same " +
        "lower file share its pages in memory.",
      "varve writes and reads Docker's own directory for it: dockerd can go on with what varve stored, and varve with " +
        "what dockerd did.",
    ],
    whiteout: "char device 0/0 of the name",
    opaque:
      'xattr trusted.overlay.opaque="y" of the directory (user.overlay.opaque where an ordinary user mounts)',
    limits: [
      "Linux 4.0 or newer, in every edition, on a file system that tells types in directories (d_type; xfs with ftype=1)",
      "128 lower branches in Docker's driver, 500 in the kernel; an image has at most 125 layers",
      "mount options of one page: hence the short links in overlay2/l",
      "renaming a directory that a lower branch has is EXDEV (redirect_dir=off, as Docker mounts): mv copies it",
      "copying up breaks hard links of lower files",
    ],
    misconceptions: [
      {
        told: "a copy-on-write file system never overwrites",
        so: "it copies once, a whole file and not a block; later writes change the copy in place",
      },
      {
        told: "reading a file copies it into the container",
        so: "only opening for writing and changing attributes do",
      },
      {
        told: "a file that was opened for reading before a change keeps showing the old bytes",
        so: "since Linux 4.19 it reads the new ones; only what was mapped into memory stays old",
      },
    ],
  },
};
