/** The merged view in user space: needs neither Linux nor privilege, but for {@link DirectoryBranch}. */
export * from "./types.ts";
export { DirectoryBranch } from "./directory_branch.ts";
export type { Demonstrated } from "./demonstrate.ts";
export { explainUnion, unionFileSystems, type Explanation, type UnionFileSystem } from "./explain.ts";
export { countInodes, hardLinkLayers } from "./hard_link_layers.ts";
export { MemoryBranch, type MemoryBranchOptions } from "./memory_branch.ts";
export type { OpenFile, OpenFlags } from "./open_file.ts";
export { ReadView, type FollowOption, type Origin } from "./read_view.ts";
export type { DirectoryNode, Extent, FileNode, SpecialNode, SymlinkNode, TreeNode } from "./tree_node.ts";
export { TreeBranch } from "./tree_branch.ts";
export { isUnionError, UnionError, type UnionErrorCode } from "./union_error.ts";
export type { UnionViewOptions } from "./union_options.ts";
export { UnionView } from "./union_view.ts";
export { walkBranch } from "./walk_branch.ts";
