import type { ClientMemory } from "../../build/index.ts";
import type { ClientTree } from "./client_tree.ts";
import type { TransferOptions, Wanted } from "./file_transfer.ts";
import type { Session } from "../session/index.ts";

/**
 * Lists a directory of the client. With it come the builder's modules, which a daemon that never builds does without.
 * @param name for messages and cache keys
 * @throws what `FileTransfer.open` throws
 */
export async function openClientTree(
  session: Session,
  name: string,
  wanted: Wanted,
  options: TransferOptions & { readonly memory?: ClientMemory },
): Promise<ClientTree> {
  const [{ ClientTree }, { FileTransfer }] = await Promise.all([
    import("./client_tree.ts"),
    import("./file_transfer.ts"),
  ]);
  const { memory } = options;
  const kept = memory && { spool: memory.contents.spool };
  const transfer = await FileTransfer.open(session, wanted, { ...options, ...kept });
  return new ClientTree(name, transfer, memory);
}
