/**
 * The client's rules for what may be built from, asked over its session before anything is taken (moby/buildkit,
 * sourcepolicy/policysession): a `Dockerfile.rego` of buildx.
 */
import { Failure } from "../../errors.ts";
import type { Platform } from "../../oci/index.ts";
import { integer, many, map, message, one, text } from "../../rpc/index.ts";
import type { Session } from "../session/index.ts";
import { Platform as PlatformMessage } from "./control_messages.ts";

const method = "/moby.buildkit.v1.sourcepolicy.policysession.PolicyVerifier/CheckPolicy";

const SourceOp = message({ identifier: text(1), attributes: map(2) });

const CheckRequest = message({
  platform: one(1, PlatformMessage),
  source: one(2, message({ source: one(1, SourceOp) })),
});

const CheckResponse = message({
  decision: one(1, message({ action: integer(1), denials: many(2, message({ message: text(1) })) })),
  /** It cannot decide before it knows more. */
  request: one(2, message({})),
});

/** `PolicyAction`. */
const actions = { allow: 0, deny: 1 } as const;

/** @throws Failure("denied") (from what is returned) for a source that the client does not allow, "unsupported" */
export function sourcePolicy(
  session: Session,
  signal: AbortSignal,
): (identifier: string, platform?: Platform) => Promise<void> {
  session.require(method);
  return async (identifier, platform) => {
    const { decision } = await session.client.call(
      method,
      CheckRequest,
      CheckResponse,
      { source: { source: { identifier } }, ...(platform && { platform: { ...platform } }) },
      { signal },
    );
    if (decision?.action === actions.allow) return;
    if (decision?.action === actions.deny) {
      const reasons = decision.denials.map(({ message: reason }) => reason).join("; ");
      throw new Failure(
        "denied",
        `source "${identifier}" not allowed by policy${reasons === "" ? "" : `: ${reasons}`}`,
      );
    }
    throw new Failure("unsupported", `the policy wants more of source "${identifier}" than yes or no`);
  };
}
