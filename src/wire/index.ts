export { humanDuration } from "./human_duration.ts";
export { binarySize, humanSize } from "./human_size.ts";
export { isRepainted, jsonMessage } from "./json_message.ts";
export { progressBar } from "./progress_bar.ts";
export * from "./registry_errors.ts";
export * from "./mounts.ts";
export * from "./networks.ts";
export * from "./volumes.ts";
