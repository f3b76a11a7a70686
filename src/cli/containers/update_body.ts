import { limitsOf, type LimitValues } from "./host_config.ts";
import { parseRestartPolicy } from "./parse_restart_policy.ts";

/** What `POST /containers/{id}/update` is sent. Throws `Failure("invalid")` in Docker's words. */
export function updateBody(flags: LimitValues & { readonly restart: string | undefined }): object {
  return {
    ...limitsOf(flags),
    ...(flags.restart !== undefined && { RestartPolicy: parseRestartPolicy(flags.restart) }),
  };
}
