/** Containers' network namespaces: each is a file, named after its container, that the namespace is mounted on. */
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { createNetworkNamespace, removeNetworkNamespace } from "../sys/index.ts";

/**
 * A namespace outlives the container's processes and the daemon, not the machine. Synchronous: its making takes the
 * kernel a millisecond, on this thread.
 */
export class Namespaces {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Where a container's is; for whoever shares it, too (`--network container:`). */
  path(containerId: string): string {
    return join(this.#directory, containerId);
  }

  /**
   * A new one, with a loopback interface that is up and no other. One that was there, or its file from before a reboot,
   * is let go of first.
   * @returns its path @throws SysError (EPERM without CAP_SYS_ADMIN)
   */
  create(containerId: string): string {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const path = this.path(containerId);
    removeNetworkNamespace(path);
    createNetworkNamespace(path);
    return path;
  }

  /** After the endpoints were disconnected. None is no error. @throws SysError */
  remove(containerId: string): void {
    removeNetworkNamespace(this.path(containerId));
  }

  /** Lets go of those whose containers do not live. @returns their ids @throws SysError */
  reconcile(alive: (containerId: string) => boolean): string[] {
    const dead = this.#list().filter((id) => !alive(id));
    for (const id of dead) this.remove(id);
    return dead;
  }

  #list(): string[] {
    try {
      return readdirSync(this.#directory);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  }
}
