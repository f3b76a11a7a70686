/** `policy.signatures` with its files of keys. */
import { Failure, isFailure } from "../../errors.ts";
import { TrustSource, type SignatureRule } from "../signatures/index.ts";
import { subjectParts, type SignatureKeys } from "./config/policy_keys.ts";

/**
 * @param onProblem told of a file that became unusable; what was read before stays in force
 * @throws Failure that names the key, for a file that cannot be read or has no keys
 */
export async function signatureRules(
  configured: readonly SignatureKeys[],
  onProblem: (failure: Failure) => void,
): Promise<SignatureRule[]> {
  return Promise.all(
    configured.map(async ({ repositories, tags, modes, cosign, notation }, index) => {
      const name = `policy.signatures[${index}]`;
      const { certificates, identities } = notation;
      const files = { keys: cosign.keys, certificates, identities: identities.map(subjectParts) };
      const trust = new TrustSource(files, { onProblem });
      await trust.current().catch((error: unknown) => {
        if (!isFailure(error)) throw error;
        throw new Failure(error.kind, `${name}: ${error.message}`, { cause: error });
      });
      return {
        repositories,
        tags: tags.length === 0 ? ["*"] : tags,
        modes: modes.length === 0 ? ["push" as const] : modes,
        trust,
      };
    }),
  );
}
