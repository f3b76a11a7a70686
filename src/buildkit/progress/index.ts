export { BuildProgress, type BuildProgressOptions } from "./build_progress.ts";
export { errorWords } from "./error_words.ts";
export { fullName } from "./full_name.ts";
export type { ProgressVertex, StatusOfVertex } from "./progress_vertex.ts";
export { StatusFeed } from "./status_feed.ts";
export { StatusResponse, Timestamp, timestamp, type StatusUpdate } from "./status_messages.ts";
