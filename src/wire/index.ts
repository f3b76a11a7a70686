export * from "./registry_errors.ts";
