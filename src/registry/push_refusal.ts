/** Whether who asks for something could push as well. */
import type { RegistryCore } from "./core.ts";
import type { Exchange } from "./exchange.ts";
import { RegistryError } from "./registry_error.ts";

/**
 * How the client would be refused if it wanted to push to the repository; undefined: it may. The refusal of one whose token
 * is for pulling only has the challenge by which it gets another.
 */
export async function pushRefusal(
  core: RegistryCore,
  exchange: Exchange,
  name: string,
): Promise<RegistryError | undefined> {
  const { request, origin } = exchange;
  const needed = [{ type: "repository", name, actions: ["pull", "push"] }] as const;
  try {
    await core.access?.authorize({ request, origin, needed });
    return undefined;
  } catch (error) {
    if (error instanceof RegistryError) return error;
    throw error;
  }
}
