/** Network namespaces for a moment, where netavark wants one and there is no container. */
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import {
  createNetworkNamespace,
  inNetworkNamespace,
  isSysError,
  removeNetworkNamespace,
} from "../sys/index.ts";
import { type BridgeTools, linkNames } from "./bridge_tools.ts";

const prefix = "stand-in-";

/** @param work gets the file of a namespace in which nothing is */
export async function withStandIn<T>(
  tools: BridgeTools,
  work: (namespace: string) => Promise<T>,
): Promise<T> {
  await mkdir(tools.directory, { recursive: true, mode: 0o700 });
  const namespace = join(tools.directory, `${prefix}${randomBytes(6).toString("hex")}`);
  createNetworkNamespace(namespace);
  try {
    return await work(namespace);
  } finally {
    await removeStandIn(namespace, tools);
  }
}

/** Those that a kill has left. For the holder of the lock, under which alone they are used. */
export async function removeStandIns(tools: BridgeTools): Promise<void> {
  if (!existsSync(tools.directory)) return;
  const names = readdirSync(tools.directory).filter((name) => name.startsWith(prefix));
  for (const name of names) await removeStandIn(join(tools.directory, name), tools);
}

/** Interfaces of netavark's at once: with their namespace they would go only in a while, and until then have addresses in the network. */
async function removeStandIn(namespace: string, tools: BridgeTools): Promise<void> {
  try {
    const lines = [...inNetworkNamespace(namespace, linkNames)]
      .filter((name) => /^(eth|veth)\d+$/.test(name))
      .map((name) => `link del dev ${name}`);
    if (lines.length > 0) await inNetworkNamespace(namespace, () => tools.ip(lines));
  } catch (error) {
    // The file is there without the mount.
    if (!isSysError(error, "EINVAL")) throw error;
  } finally {
    removeNetworkNamespace(namespace);
  }
}
