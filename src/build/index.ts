export type * from "./types.ts";
export { editConfig, setsCommand } from "./config/index.ts";
export type * from "./source/types.ts";
export * from "./costs/index.ts";
export {
  changed,
  type ClientMemory,
  type Content,
  type ContentMemory,
  isPlain,
  isPortable,
  KeptContents,
  missing,
  notThat,
  openContentMemory,
  openDirectorySource,
  openTarSource,
  type Place,
  resolvePath,
  Spool,
  withIgnored,
} from "./source/index.ts";
export { buildImage } from "./build.ts";
export { CommandExit } from "./command_exit.ts";
export { classicStream } from "./classic/index.ts";
export * from "./lint/index.ts";
