/** What is kept of a pod: `ROOT/varve/pods/<id>/pod.json`. */
import { readdirSync, readFileSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../../errors.ts";
import { newestFirst } from "../time.ts";
import { pidNamespaceIn, podInitState } from "./pod_init.ts";

export interface PodRecord {
  readonly id: string;
  /** RFC 3339. */
  readonly created: string;
  /** Whether containers can be started in it. */
  readonly ready: boolean;
  /** A network's name; `host`, `none`. */
  readonly network: string;
  /** Its addresses there, the first of IPv4. */
  readonly addresses: readonly string[];
  /** File of its network namespace; of no use with `host`. */
  readonly networkNamespace: string;
  readonly ipcNamespace: string;
  /** What its containers have as /dev/shm. */
  readonly sharedMemory: string;
  readonly hostname: string;
  readonly dns: PodDns;
  /** Whatever its maker wants to know of it again. */
  readonly data: unknown;
}

/** Where all is empty, the host's. */
export interface PodDns {
  readonly servers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
}

const podsFolder = (root: string): string => join(root, "varve", "pods");

export function podFolder(root: string, id: string): string {
  return join(podsFolder(root), id);
}

/** As it stands: a pod whose PID namespace has ended is not ready. Undefined where there is none that can be read. */
export function readPod(root: string, id: string): PodRecord | undefined {
  const pod = readWrittenPod(root, id);
  const isLost = pod?.ready === true && podInitState(podFolder(root, id)) === "lost";
  return isLost ? { ...pod, ready: false } : pod;
}

/** As {@link readPod}, as it was written down. */
export function readWrittenPod(root: string, id: string): PodRecord | undefined {
  if (!/^[0-9a-f]{64}$/.test(id)) return undefined;
  try {
    return JSON.parse(readFileSync(join(podFolder(root, id), "pod.json"), "utf8")) as PodRecord;
  } catch {
    return undefined;
  }
}

/** Newest first. */
export function listPods(root: string): PodRecord[] {
  const pods = idsOfPods(root).flatMap((id) => readPod(root, id) ?? []);
  return newestFirst(pods, (pod) => pod);
}

/** Also of those that were never written down. */
export function idsOfPods(root: string): string[] {
  try {
    return readdirSync(podsFolder(root));
  } catch {
    return [];
  }
}

/** Writes beside, syncs, renames. */
export async function writePod(root: string, pod: PodRecord): Promise<void> {
  const folder = podFolder(root, pod.id);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, "pod.json");
  await writeFile(`${path}.tmp`, JSON.stringify(pod), { mode: 0o600, flush: true });
  await rename(`${path}.tmp`, path);
}

export async function forgetPod(root: string, id: string): Promise<void> {
  await rm(podFolder(root, id), { recursive: true, force: true });
}

/** The pod that a mode names, `pod:<id>`; undefined: it names none. */
export function podOfMode(mode: string | undefined): string | undefined {
  return /^pod:(.+)$/.exec(mode ?? "")?.[1];
}

/** File of the PID namespace that containers share which say `pod:<id>`. @throws Failure as {@link readyPod} */
export function podPidNamespace(root: string, id: string): string {
  return pidNamespaceIn(podFolder(root, readyPod(root, id).id));
}

/** @throws Failure("not-found"), "conflict" for one that containers cannot be started in */
export function readyPod(root: string, id: string): PodRecord {
  const pod = readPod(root, id);
  if (pod === undefined) throw new Failure("not-found", `No such pod: ${id}`);
  if (!pod.ready) throw new Failure("conflict", `pod ${id} is not ready`);
  return pod;
}
