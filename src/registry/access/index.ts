export { composeAccess, type ComposeAccessOptions } from "./compose_access.ts";
export type * from "./types.ts";
