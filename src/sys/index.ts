/** The one seam to Linux. Synchronous unless said; failures are {@link SysError}s; names are byte strings. */
export * from "./attributes.ts";
export { connectLoopback } from "./connect_loopback.ts";
export * from "./constants.ts";
export * from "./flock.ts";
export * from "./io.ts";
export * from "./lease.ts";
export * from "./loop_device.ts";
export * from "./mount.ts";
export { addMountAttributes, type MountAttributes } from "./mount_attributes.ts";
export * from "./mount_context.ts";
export * from "./mount_info.ts";
export * from "./names.ts";
export * from "./network_namespace.ts";
export * from "./new_mount.ts";
export {
  close,
  duplicate,
  keepOnExec,
  openAt,
  openBeneath,
  openIn,
  openResolving,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from "./open.ts";
export { isNowhere, OpenDirectories, type OpenDirectoriesOptions } from "./open_directories.ts";
export { openRegular } from "./open_regular.ts";
export { askKernel, attribute, interfaceIndex, type NetlinkRequest, uint32 } from "./netlink.ts";
export * from "./notify_service.ts";
export * from "./pipe.ts";
export * from "./read_dir.ts";
export * from "./remove_tree.ts";
export * from "./run_in_slices.ts";
export { sendFileInPool, whenWritable } from "./send_file.ts";
export * from "./stat.ts";
export * from "./sys_error.ts";
export * from "./xattr.ts";
export * from "./lock_file.ts";
export * from "./memory.ts";
export * from "./terminal.ts";
export { cancelled, whenReadable } from "./readable.ts";
export * from "./unix_socket.ts";
export * from "./user_namespace.ts";
