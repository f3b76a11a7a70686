/**
 * Volumes with options have something mounted on them while containers use them: a network share, a tmpfs, a directory.
 * Who uses one is written down in `ROOT/varve/volumes/<name>/<container>`; what a killed process has left there goes with
 * the rest of its run (run_mounts.ts).
 */
import { createHash } from "node:crypto";
import { lookup } from "node:dns/promises";
import { execFile } from "node:child_process";
import { existsSync, readdirSync, realpathSync, rmdirSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { fromText } from "../../byte_string.ts";
import { Failure } from "../../errors.ts";
import type { Store } from "../../store/index.ts";
import { mountInfo, unmount } from "../../sys/index.ts";
import { runMountsFolder } from "./run_mounts_folder.ts";
import { readOptions, volumeData } from "./volume_folder.ts";
import type { VolumeOptions } from "./volume_options.ts";

const usersOf = (store: Store, name: string): string => join(store.root, "varve", "volumes", name);

/** Held while something is mounted on one volume, or copied into it. Names of volumes may be as long as files' names. */
export function volumeLock(name: string): string {
  return `volume-${createHash("sha256").update(name).digest("hex").slice(0, 32)}`;
}

/**
 * Mounts what the volume's options say, unless it is mounted. Costs a look at the disk where there are none.
 * @param container that {@link leaveVolume}s it again
 * @throws Failure that begins as Docker's does: `failed to mount local volume`
 */
export async function useVolume(store: Store, name: string, container: string): Promise<void> {
  const options = readOptions(store, name);
  if (options === undefined) return;
  await mkdir(runMountsFolder(store, container), { recursive: true, mode: 0o700 });
  await store.withLock(volumeLock(name), async () => {
    await mkdir(usersOf(store, name), { recursive: true, mode: 0o700 });
    const mark = join(usersOf(store, name), container);
    await writeFile(mark, "");
    try {
      if (!isMounted(store, name)) await mountOptions(options, volumeData(store, name));
    } catch (error) {
      await rm(mark, { force: true });
      throw error;
    }
  });
}

/** Unmounts it after its last user. Harmless where nothing was mounted. */
export async function leaveVolume(store: Store, name: string, container: string): Promise<void> {
  if (!existsSync(usersOf(store, name))) return;
  await store.withLock(volumeLock(name), async () => {
    await rm(join(usersOf(store, name), container), { force: true });
    endUnused(store, name);
  });
}

/** Of a volume that no container has: whatever is mounted there is left over. */
export async function unmountIdle(store: Store, name: string): Promise<void> {
  await store.withLock(volumeLock(name), async () => {
    await rm(usersOf(store, name), { recursive: true, force: true });
    if (isMounted(store, name)) unmount(fromText(volumeData(store, name)), { detach: true });
  });
}

function endUnused(store: Store, name: string): void {
  const users = usersOf(store, name);
  if (!existsSync(users) || readdirSync(users).length > 0) return;
  if (isMounted(store, name)) unmount(fromText(volumeData(store, name)), { detach: true });
  rmdirSync(users);
}

function isMounted(store: Store, name: string): boolean {
  const path = volumeData(store, name);
  if (!existsSync(path)) return false;
  const real = fromText(realpathSync(path));
  return mountInfo().some(({ mountPoint }) => mountPoint === real);
}

/** By mount(8), without its helpers: a share that does not answer must not keep this process. */
async function mountOptions(
  { type = "", device = "", o = "" }: VolumeOptions,
  target: string,
): Promise<void> {
  const options = ["nfs", "cifs"].includes(type) ? await withAddress(o) : o;
  const bind = /(^|,)r?bind(,|$)/.test(options);
  const args = [
    "-i",
    `--types=${bind ? "none" : type}`,
    ...(options === "" ? [] : ["-o", options]),
    "--",
    device,
    target,
  ];
  try {
    await promisify(execFile)("mount", args, { encoding: "utf8" });
  } catch (error) {
    const { stderr = "", message } = error as Error & { readonly stderr?: string };
    // Of several lines the later ones are advice on how to use mount(8).
    const [said = ""] = (stderr.trim() || message).split("\n");
    throw new Failure("internal", `failed to mount local volume: ${withoutPassword(said)}`);
  }
}

const withoutPassword = (text: string): string => text.replaceAll(/password=[^,\s]*/g, "password=********");

/** The kernel wants the address of a share's server, not its name. */
async function withAddress(options: string): Promise<string> {
  const host = /(?:^|,)addr=([^,]+)/.exec(options)?.[1];
  if (host === undefined || isIP(host) !== 0) return options;
  try {
    const { address } = await lookup(host, { family: 4 });
    return options.replace(`addr=${host}`, `addr=${address}`);
  } catch (cause) {
    throw new Failure("internal", `error resolving passed in network volume address: ${host}`, { cause });
  }
}
