/** What the configuration forbids, all of it in one policy. */
import type { RegistryPolicy } from "../hooks.ts";
import { combinePolicies } from "../policy/combine_policies.ts";
import { readOnly } from "../policy/read_only.ts";
import { urlValidation } from "../policy/url_validation.ts";
import type { ServerConfig } from "./config/read_config.ts";

/** @throws Failure "invalid" for a pattern that is no regular expression */
export function policyOf(config: ServerConfig): RegistryPolicy {
  const { storage, validation } = config;
  const isValidated = validation.enabled !== false && validation.disabled !== true;
  return combinePolicies([
    ...(storage.maintenance.readonly.enabled ? [readOnly] : []),
    ...(isValidated ? [urlValidation(validation.manifests.urls)] : []),
  ]);
}
