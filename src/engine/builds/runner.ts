/** Runs the commands of a build's `RUN` steps, each in a container of its own. */
import { isatty } from "node:tty";
import type { RunStep, StepMount, StepRunner } from "../../build/index.ts";
import {
  containerSpec,
  findRuntimeProgram,
  runOnce,
  writeContainerFiles,
  type BindMount,
  type FileMounts,
  type OciSpec,
  type SpecOptions,
} from "../../runtime/index.ts";
import type { Store } from "../../store/index.ts";
import { makeStepBundle } from "./step_bundles.ts";
import { createStepGuard, type StepGuard } from "./step_guard.ts";
import { hostNetworking, type StepNetwork, type StepNetworking } from "./step_networking.ts";
import { stepsFolder } from "./steps_folder.ts";

/**
 * The container's name for itself, with every network, as BuildKit has it: what a step writes down of it is the same in
 * every build.
 */
const hostname = "buildkitsandbox";

/** Asked after each piece of a command's output; while its promise is pending, the command waits. */
export type OutputPace = () => Promise<void> | undefined;

/** Limits of the commands' containers. */
export type StepLimits = Pick<SpecOptions, "limits" | "ulimits" | "shmSize" | "cgroupParent">;

export interface RunnerOptions {
  readonly pace?: OutputPace | undefined;
  readonly limits?: StepLimits | undefined;
  /** Default: {@link hostNetworking}. */
  readonly networking?: StepNetworking | undefined;
}

/** Runs steps as containers of `store`'s data root, with the defaults of `run`. Looks for the runtime at the first step. */
export function createStepRunner(store: Store, options: RunnerOptions = {}): StepRunner {
  let found: Promise<Programs> | undefined;
  return {
    run: async (step) => {
      await mustBeRoot(store);
      found ??= findPrograms(store);
      return runIn(store, step, { ...options, ...(await found) });
    },
  };
}

interface Programs {
  readonly runtime: string;
  readonly guard: StepGuard;
}

async function findPrograms(store: Store): Promise<Programs> {
  const runtime = await findRuntimeProgram();
  return { runtime, guard: createStepGuard(runtime, stepsFolder(store.root)) };
}

/** An ordinary user is root of his user namespace by now, where he can have one. */
async function mustBeRoot(store: Store): Promise<void> {
  if (process.geteuid?.() === 0) return;
  const { cannotRunHere } = await import("../namespace/unshare.ts");
  throw cannotRunHere(store.root, store.driver.name);
}

async function runIn(
  store: Store,
  step: RunStep,
  { runtime, guard, pace, limits, networking = hostNetworking }: Programs & RunnerOptions,
): Promise<number> {
  await using bundle = await makeStepBundle(store.root, step.id);
  await using network = await networking.connect(step.id, step.network, step.signal);
  const files = await writeFiles(bundle.directory, step, network);
  using watched = guard.watch(step.id);
  void watched;
  return await runOnce({
    runtime,
    bundle: bundle.directory,
    id: step.id,
    spec: specOf(step, { network: network.namespace, files }, limits),
    ...(step.interactive !== true && { onOutput: step.onOutput, ...(pace && { pace }) }),
    signal: step.signal,
  });
}

/**
 * In a network of its own a step finds itself by its loopback, as with BuildKit (executor/oci/hosts.go), not by its address,
 * which is another in every build.
 */
async function writeFiles(
  directory: string,
  { addHosts }: RunStep,
  { namespace, dns, hostGateway = "127.0.0.1", files }: StepNetwork,
): Promise<FileMounts> {
  const own = await writeContainerFiles(directory, {
    hostname,
    hostNetwork: namespace === "host",
    addresses: typeof namespace === "object" ? ["127.0.0.1"] : [],
    extraHosts: addHosts.map(({ name, address }) => ({
      name,
      address: address === "host-gateway" ? hostGateway : address,
    })),
    dns: dns?.servers ?? [],
    dnsSearch: dns?.search ?? [],
    dnsOptions: dns?.options ?? [],
  });
  return { ...own, ...files };
}

function specOf(
  step: RunStep,
  place: Pick<SpecOptions, "network" | "files">,
  limits: StepLimits | undefined,
): OciSpec {
  return containerSpec({
    ...limits,
    ...place,
    id: step.id,
    rootfs: step.rootfs,
    image: { Env: [...step.env] },
    command: step.args,
    user: step.user,
    workingDir: step.workingDir,
    hostname,
    terminal: step.interactive === true && isatty(0),
    binds: step.mounts.flatMap(bindOf),
    tmpfs: Object.fromEntries(step.mounts.flatMap(tmpfsOf)),
    privileged: step.security === "insecure",
  });
}

function bindOf(mount: StepMount): BindMount[] {
  if (mount.type !== "bind") return [];
  const { source, destination, readOnly } = mount;
  return [{ source, destination, readOnly }];
}

/** Programs may be run from it, as in BuildKit. */
function tmpfsOf(mount: StepMount): [destination: string, options: string][] {
  if (mount.type !== "tmpfs") return [];
  return [[mount.destination, mount.size === undefined ? "exec" : `exec,size=${mount.size}`]];
}
