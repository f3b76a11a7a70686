/** Statuses of what fails at a registry, where Docker's are not those of the kind. */
import { isFailure } from "../../errors.ts";
import { ApiError } from "../http/index.ts";

/**
 * Docker answers with 500 when a registry cannot be reached, or there are no credentials for it: at 401, which it hands on
 * from a registry that says so itself, its command line asks the user for a password. A pull that is denied is "not found"
 * to it (moby, daemon/internal/distribution/errors.go, `translatePullError`).
 */
export async function atRegistry<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (isFailure(error, "unavailable")) throw new ApiError(500, error.message);
    if (isFailure(error, "unauthorized") && !/\bunauthorized: /.test(error.message))
      throw new ApiError(500, error.message);
    if (isFailure(error, "denied") && error.message.startsWith("pull access denied"))
      throw new ApiError(404, error.message);
    throw error;
  }
}
