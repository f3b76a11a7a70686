import { Failure } from "../../errors.ts";

export interface RestartPolicySetting {
  readonly Name: string;
  readonly MaximumRetryCount: number;
}

/** `on-failure[:5]`; whether there is such a policy the engine says. Throws `Failure("invalid")` in Docker's words (docker/cli, opts/parse.go). */
export function parseRestartPolicy(text: string): RestartPolicySetting {
  const colon = text.indexOf(":");
  const [name, count] = colon < 0 ? [text, undefined] : [text.slice(0, colon), text.slice(colon + 1)];
  if (count !== undefined && name === "") {
    throw new Failure("invalid", "invalid restart policy format: no policy provided before colon");
  }
  if (count !== undefined && !/^[+-]?\d+$/.test(count)) {
    throw new Failure("invalid", "invalid restart policy format: maximum retry count must be an integer");
  }
  return { Name: name, MaximumRetryCount: Number(count ?? 0) };
}
