/** Network namespaces for a moment, where netavark wants one and there is no container. */
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createNetworkNamespace, removeNetworkNamespace } from "../sys/index.ts";

const prefix = "stand-in-";

/** @param work gets the file of a namespace in which nothing is */
export async function withStandIn<T>(directory: string, work: (namespace: string) => Promise<T>): Promise<T> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const namespace = join(directory, `${prefix}${randomBytes(6).toString("hex")}`);
  createNetworkNamespace(namespace);
  try {
    return await work(namespace);
  } finally {
    removeNetworkNamespace(namespace);
  }
}

/** Those that a kill has left. For the holder of the lock, under which alone they are used. */
export function removeStandIns(directory: string): void {
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory))
    if (name.startsWith(prefix)) removeNetworkNamespace(join(directory, name));
}
