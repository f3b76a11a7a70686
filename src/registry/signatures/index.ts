export { signaturePolicy } from "./signature_policy.ts";
export type { SignatureRule } from "./signature_rule.ts";
export { TrustSource } from "./trust.ts";
