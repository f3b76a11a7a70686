export { directoryStorage } from "./directory_storage.ts";
export type { Fault, FaultRequest } from "./faults.ts";
export { memoryStorage } from "./memory_storage.ts";
export type { RequestRecord } from "./request_log.ts";
export { serveRegistry, type RunningRegistry, type ServeRegistryOptions } from "./serve_registry.ts";
export type { RegistryStorage } from "./storage.ts";
export type { RegistryAuth } from "./token_service.ts";
