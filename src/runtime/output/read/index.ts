export { jsonFileFormat } from "./json_file_format.ts";
export { localFormat } from "./local_format.ts";
export type { LogFormat, LogRecord } from "./log_format.ts";
export { readLog, type LogPlace, type LogQuery } from "./read_log.ts";
