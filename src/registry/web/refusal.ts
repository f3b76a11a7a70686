import { RegistryError } from "../registry_error.ts";

/** Whether the access controller said no, be it that it does not know who asks or that it knows. */
export function isRefusal(error: unknown): error is RegistryError {
  return error instanceof RegistryError && (error.status === 401 || error.status === 403);
}
