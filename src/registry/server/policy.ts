/** What the configuration forbids, all of it in one policy. */
import type { Failure } from "../../errors.ts";
import type { RegistryPolicy } from "../hooks.ts";
import { combinePolicies } from "../policy/combine_policies.ts";
import { immutableTags } from "../policy/immutable_tags.ts";
import { readOnly } from "../policy/read_only.ts";
import { urlValidation } from "../policy/url_validation.ts";
import { signaturePolicy } from "../signatures/index.ts";
import type { StorageDriver } from "../storage/types.ts";
import type { ServerConfig } from "./config/read_config.ts";
import type { Guards } from "./guards.ts";
import { signatureRules } from "./signature_rules.ts";

export interface PolicyParts {
  readonly storage: StorageDriver;
  readonly guards: Guards;
  /** Told of a file that became unusable. */
  readonly onProblem: (failure: Failure) => void;
}

/** @throws Failure "invalid" for a pattern that is no regular expression, and as `signatureRules` */
export async function policyOf(config: ServerConfig, parts: PolicyParts): Promise<RegistryPolicy> {
  const { storage, validation } = config;
  const { disk, quota } = parts.guards;
  const rules = await signatureRules(config.policy.signatures, parts.onProblem);
  const isValidated = validation.enabled !== false && validation.disabled !== true;
  return combinePolicies([
    ...(storage.maintenance.readonly.enabled ? [readOnly] : []),
    ...(disk === undefined ? [] : [disk.policy]),
    immutableTags(parts.storage, config.policy.immutable),
    ...(isValidated ? [urlValidation(validation.manifests.urls)] : []),
    ...(rules.length > 0 ? [signaturePolicy({ rules, storage: parts.storage })] : []),
    // Last: it holds room for what nobody refuses any more.
    ...(quota === undefined ? [] : [quota.policy]),
  ]);
}
