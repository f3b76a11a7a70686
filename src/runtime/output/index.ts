export { ContainerOutput, outputJournal, type ContainerOutputOptions } from "./container_output.ts";
export { CriLog } from "./cri_log.ts";
export { JsonFileLog, type JsonFileOptions } from "./json_file_log.ts";
export { LineSplitter } from "./line_splitter.ts";
export { LocalLog } from "./local_log.ts";
export {
  checkLogOptions,
  rotationOf,
  type LogDriver,
  type LogOptions,
  type Rotation,
} from "./log_options.ts";
export * from "./read/index.ts";
export type * from "./types.ts";
