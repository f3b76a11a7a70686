export { AuditLog, type AuditEntry, type AuditLogOptions } from "./audit_log.ts";
export { composeAccess, type ComposeAccessOptions } from "./compose_access.ts";
export { clientKey, RateLimiter, type RateLimiterOptions } from "./rate_limiter.ts";
export type * from "./types.ts";
