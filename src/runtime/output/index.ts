export { ContainerOutput, outputJournal, type ContainerOutputOptions } from "./container_output.ts";
export { JsonFileLog } from "./json_file_log.ts";
export type * from "./types.ts";
