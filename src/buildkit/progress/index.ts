export { BuildProgress, type BuildProgressOptions } from "./build_progress.ts";
export type { ProgressVertex, StatusOfVertex } from "./progress_vertex.ts";
export { StatusResponse, type StatusUpdate } from "./status_messages.ts";
