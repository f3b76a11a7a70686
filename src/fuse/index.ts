/** A merged tree as a read-only file system that any user can mount: the kernel asks, a process answers. */
export { mountFuse, type MountFuseOptions } from "./mount_fuse.ts";
export type { Ownership } from "./owners.ts";
export { serveTree, type ServeOptions } from "./serve_tree.ts";
