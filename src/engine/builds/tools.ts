/** Functions that stand on the builder, for command lines: loaded as one, when the first is wanted. */
export { classicStream, costTable } from "../../build/index.ts";
export { applyChanges } from "../changes/apply_changes.ts";
export { checkBuild } from "./check_build.ts";
export { dockerfileInTree, readInTree, withoutIgnored } from "./context/read_in_tree.ts";
export { openRemoteFiles, type RemoteFiles, type RemotePlace } from "./context/remote_files.ts";
export { writeProposal } from "./context/propose_dockerfile.ts";
export { buildNeedsMounts } from "./needs_mounts.ts";
