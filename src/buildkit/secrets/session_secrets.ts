/** Secrets that a client's session holds (moby/buildkit, session/secrets). */
import type { BuildRequest } from "../../engine/index.ts";
import { bytes, message, text } from "../../rpc/index.ts";
import { unlessAbsent, type Session } from "../session/index.ts";

const method = "/moby.buildkit.secrets.v1.Secrets/GetSecret";

const GetSecretRequest = message({ id: text(1) });
const GetSecretResponse = message({ data: bytes(1) });

/** BuildKit's MaxSecretSize, and room for the message around it. A larger one is refused by the step that wants it. */
const maxBytes = 1 << 20;

/** Each is asked for when a step needs it. @param signal of the build */
export function sessionSecrets(session: Session, signal: AbortSignal): NonNullable<BuildRequest["secrets"]> {
  return {
    get: async (id) => {
      if (!session.supports(method)) return undefined;
      const asked = session.client.call(
        method,
        GetSecretRequest,
        GetSecretResponse,
        { id },
        { maxBytes, signal },
      );
      const found = await unlessAbsent(asked);
      return found && { value: found.data };
    },
  };
}
