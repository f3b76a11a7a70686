/**
 * How a run has ended, in its bundle until the record has it: the shim forgets it as soon as it is told to go, and whoever
 * tells it may be killed before he has written it down.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TaskExit } from "../../runtime/index.ts";
import type { Store } from "../../store/index.ts";
import { bundleDirectory } from "./bundle.ts";

export interface KeptExit extends TaskExit {
  readonly oomKilled: boolean;
}

const counterOf = (store: Store, id: string): string => join(bundleDirectory(store.root, id), "oom");

const fileOf = (store: Store, id: string): string => join(bundleDirectory(store.root, id), "exit");

/** Where the kernel counts the run's kills for want of memory: the process that leads there may be gone when it is asked. */
export function keepCounter(store: Store, id: string, counter: string | undefined): void {
  writeFileSync(counterOf(store, id), counter ?? "", { mode: 0o600 });
}

/** What {@link keepCounter} was given. */
export function keptCounter(store: Store, id: string): string | undefined {
  try {
    return readFileSync(counterOf(store, id), "utf8") || undefined;
  } catch {
    return undefined;
  }
}

/** Before the shim is told to go. Kept from kills of processes; after a crash of the machine it is not missed. */
export function keepExit(store: Store, id: string, exit: KeptExit): void {
  const path = fileOf(store, id);
  const text = JSON.stringify({ ...exit, exitedAt: exit.exitedAt.getTime() });
  try {
    writeFileSync(`${path}.new`, text, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  } catch {
    // A full disk: then it is lost in a kill only.
  }
}

/** Undefined: the run has not ended, or nobody saw its end. */
export function keptExit(store: Store, id: string): KeptExit | undefined {
  try {
    const { status, exitedAt, oomKilled } = JSON.parse(readFileSync(fileOf(store, id), "utf8")) as {
      [key in keyof KeptExit]: number | boolean;
    };
    return { status: Number(status), exitedAt: new Date(Number(exitedAt)), oomKilled: oomKilled === true };
  } catch {
    return undefined;
  }
}
