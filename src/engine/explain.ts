/** The words, for people: union file systems, layers, images (behaviours B003, B018, B019, B052, B053). */
import { Failure } from "../errors.ts";
import { explainUnion, unionFileSystems, type Explanation } from "../union/index.ts";

export type { Explanation } from "../union/index.ts";

export const explainedTopics = [...unionFileSystems, "layers", "images"] as const;
export type ExplainedTopic = (typeof explainedTopics)[number];

/** Throws `Failure("invalid")` for a word that is not explained. */
export function explain(topic: string): Explanation {
  const known = explainedTopics.find((word) => word === topic);
  switch (known) {
    case undefined:
      throw new Failure("invalid", `${JSON.stringify(topic)} is not explained`, {
        hint: `these are: ${explainedTopics.join(", ")}`,
      });
    case "layers":
      return layers;
    case "images":
      return images;
    case "unionfs":
    case "aufs":
    case "overlay":
    case "overlay2":
      return explainUnion(known);
  }
}

const layers: Explanation = {
  title: "Layers: what an image and a container are made of",
  text: [
    "A layer is a set of changes to the one below it: files added, files changed (stored whole), names taken away " +
      "(whiteouts). It is a tar stream when it travels, and a directory when it lies on disk.",
    "An image's layers are read-only and never change once they are made. A container gets two more: an -init layer " +
      "with empty places for /etc/hosts and the like, then the writable container layer, empty at first. All that a " +
      "container adds, changes or deletes lies there; it survives stop and start, dies with rm, and becomes an image " +
      "layer by commit.",
    "The lowest layer is the base. It holds a root filesystem: /bin, /etc, /dev, /proc and so on, or, from scratch, " +
      "next to nothing. No layer holds a kernel or a boot loader: there is no bootfs, and containers run on the " +
      "kernel of their host.",
    "A layer has several identities. Its diff ID is the sha256 of its uncompressed tar: what it changes. Its blob " +
      "digest is the sha256 of the compressed bytes: what a registry serves. Its chain ID names it together with all " +
      'below: c1 = d1, cn = sha256(c(n-1) + " " + dn). Its cache ID, random, names its directory on this machine.',
  ],
  whiteout: ".wh.<name> in the tar; a char device 0/0 in an overlay directory",
  opaque: '.wh..wh..opq in the tar; xattr trusted.overlay.opaque="y" in an overlay directory',
  limits: [
    "an image has at most 125 layers",
    "deleting in a later layer frees nothing: the bytes stay in the layer that has them",
    "chmod, chown and touch of a file below store all its bytes again",
  ],
  misconceptions: [
    {
      told: "the lowest layer is a bootfs with a kernel",
      so: "containers have none: uname -r is the host's",
    },
    {
      told: "without a writable layer a container would change its image",
      so: "the mount is then read-only and writing fails (EROFS)",
    },
    {
      told: "the writable layer keeps the host safe",
      so: "namespaces do, and unpacking that never leaves its directory",
    },
    {
      told: "editing /etc/hosts in a container shows copy-up",
      so: "it is a bind mount: the edit reaches neither the container layer nor a commit",
    },
  ],
};

const images: Explanation = {
  title: "Images: a stack of layers with a config",
  text: [
    "An image is the read-only stack of layers together with its config: command, environment, user, and the list of " +
      "diff IDs from the base up. Old texts call every layer an image; since Docker 1.10 only configs are.",
    "The image ID is the digest of the config. A manifest lists the config and the layers' blobs for a registry; an " +
      "index lists manifests of several platforms. What follows @ in a name is a manifest's or an index's digest, " +
      "never the image ID.",
    "A name such as alpine:3.20 is a repository and a tag. It marks one image, can be moved to another, and several " +
      "names may mark the same one. A repository holds tags; a registry holds repositories.",
    "The image below is the parent. It is on record for images that were built or committed here; for pulled ones it " +
      "is derived from the layers, which begin with the parent's. Images that share layers share them on disk, in " +
      "memory and when pulling: `varve tree` shows which stands on which.",
  ],
  limits: [
    "the size of an image is the sum of its layers, also of what later layers hide",
    "two images with the same layers and different configs are two images with no bytes between them",
  ],
  misconceptions: [
    { told: "an image is one big file", so: "it is a config and the layers that it names" },
    { told: "the tag is part of the image", so: "it is a name in the store or the registry, and may move" },
    { told: "the digest after @ is the image ID", so: "it is the manifest's or the index's" },
  ],
};
