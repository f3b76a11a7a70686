export { newestVersion, oldestVersion, type ApiVersion } from "./api_version.ts";
export { Call, type Hijacked } from "./call.ts";
export { Filters } from "./filters.ts";
export { frame, framed, multiplexedStream, rawStream, type FrameStream } from "./frames.ts";
export * from "./go_shape.ts";
export type { Handler, Route } from "./router.ts";
export { createApiServer, type ApiServerOptions } from "./server.ts";
export { ApiError } from "./status_of.ts";
