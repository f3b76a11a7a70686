export { signaturePolicy, type SignaturePolicyOptions } from "./signature_policy.ts";
export type { SignatureMode, SignatureRule } from "./signature_rule.ts";
export { TrustSource, type TrustFiles } from "./trust.ts";
