/** `RUN --mount`: what a mount makes of a step's cache key, and what the step's command sees. */
import { mkdtemp, rm, writeFile, chmod } from "node:fs/promises";
import { join } from "node:path";
import type { RunMount } from "../../dockerfile/index.ts";
import { Failure } from "../../errors.ts";
import { openLayersView } from "../../image/index.ts";
import { ownershipHere } from "../../driver/index.ts";
import { unpackHere } from "../../layer/index.ts";
import type { Store } from "../../store/index.ts";
import type { ContainerConfig } from "../../oci/index.ts";
import { packTar } from "../../tar/index.ts";
import type { StageRun } from "../build_run.ts";
import { planCopy, type CopyPlan } from "../copy/index.ts";
import { prepareMounts, type PreparedMounts } from "../mounts/index.ts";
import type { SourceTree } from "../source/index.ts";
import type { StepId, StepMount } from "../types.ts";
import { scriptsDirectory } from "./scripts_directory.ts";

/** Variables in a mount's words are expanded, but for the type and the switches. */
export function expandMount(mount: RunMount, word: (text: string) => string): RunMount {
  const expanded: Record<string, unknown> = { ...mount };
  for (const field of ["target", "source", "id", "mode", "uid", "gid", "size"] as const) {
    const text = mount[field];
    if (text !== undefined) expanded[field] = word(text);
  }
  return expanded as unknown as RunMount;
}

/** What of the mounts decides what a command may make: the files bound, not what caches, secrets and agents hold. */
export async function mountInputs(
  run: StageRun,
  mounts: readonly RunMount[],
  id: StepId,
): Promise<readonly unknown[]> {
  const inputs: unknown[] = [];
  for (const mount of mounts) {
    if (mount.type !== "bind") inputs.push(mount);
    else inputs.push({ ...mount, files: await filesOf(run, mount, id) });
  }
  return inputs;
}

async function filesOf(run: StageRun, { from, source = "." }: RunMount, id: StepId): Promise<string> {
  const { tree, layers } = await run.build.source(from, run.planned, id);
  if (layers !== undefined) return layers.top ?? "";
  return (await copyOf(tree, source, run.build.signal)).digest;
}

/** All of `source`, placed at the root. */
function copyOf(tree: SourceTree, source: string, signal: AbortSignal): Promise<CopyPlan> {
  const request = {
    kind: "copy" as const,
    sources: [source],
    files: [],
    destination: "/",
    workingDir: "/",
    exclude: [],
    parents: true,
    link: true,
  };
  return planCopy(request, tree, { signal });
}

export interface MountPlace {
  readonly config: ContainerConfig;
  readonly id: StepId;
  /** A here-document to be seen as a file under {@link scriptsDirectory}. */
  readonly script: { readonly name: string; readonly content: string } | undefined;
}

/** Makes the mounts ready; disposal takes them away. */
export async function stepMounts(
  run: StageRun,
  mounts: readonly RunMount[],
  { config, id, script }: MountPlace,
): Promise<PreparedMounts> {
  const { build, planned } = run;
  const { services, session, signal, options } = build;
  const directory = await mkdtemp(join(session.directory, "mounts-"));
  await using open = new AsyncDisposableStack();
  open.defer(() => rm(directory, { recursive: true, force: true }));
  const prepared = open.use(
    await prepareMounts(mounts, {
      store: services.store,
      session,
      workingDir: config.WorkingDir ?? "/",
      onWait: (status) => build.emit({ kind: "progress", id, status }),
      secrets: options.secrets ?? new Map(),
      ssh: options.ssh ?? new Map(),
      signal,
      sources: async (from) => {
        const { tree, layers } = await build.source(from, planned, id);
        return layers === undefined ? tree : { top: layers.top };
      },
      materialize: (tree, path) => materialize(build.services.store, tree, path, directory, signal),
    }),
  );
  const scripts = script === undefined ? [] : [await scriptMount(directory, script)];
  const held = open.move();
  return {
    mounts: [...prepared.mounts, ...scripts],
    env: prepared.env,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** A build context's files as a directory of their own: what the command writes there does not reach the context. */
async function materialize(
  store: Store,
  tree: SourceTree,
  path: string,
  parent: string,
  signal: AbortSignal,
): Promise<string> {
  const directory = await mkdtemp(join(parent, "files-"));
  await chmod(directory, 0o755);
  const plan = await copyOf(tree, path, signal);
  using empty = await openLayersView(store, []);
  const entries = plan.entries(empty.view, { time: Math.floor(Date.now() / 1000), signal });
  const target = { directory, whiteouts: "remove", ownership: ownershipHere() } as const;
  await unpackHere({ target, open: () => Promise.resolve(packTar(entries)), signal });
  return directory;
}

async function scriptMount(
  directory: string,
  { name, content }: { readonly name: string; readonly content: string },
): Promise<StepMount> {
  const scripts = await mkdtemp(join(directory, "scripts-"));
  await chmod(scripts, 0o755);
  if (name.includes("/")) throw new Failure("invalid", `a here-document cannot be a file called ${name}`);
  await writeFile(join(scripts, name), content, { mode: 0o755 });
  return { type: "bind", source: scripts, destination: scriptsDirectory, readOnly: true };
}
