/**
 * Starting and ending `containerd-shim-runc-v2`, by the shim's command line protocol
 * (containerd core/runtime/v2/README.md, "Commands"): `start` prints the address of its socket and leaves a daemon
 * behind, which writes its log to the FIFO `log` in its working directory; `delete` cleans up after a dead one.
 */
import { spawn } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../errors.ts";
import { killWorkersIn } from "./end_leftovers.ts";

export interface ShimPlace {
  /** Path of the shim's program. */
  readonly shim: string;
  /** The working directory: holds `config.json` and what the shim keeps. */
  readonly bundle: string;
  readonly id: string;
}

/** The first part of a shim's identity; it stands in the path of the runtime's state and in log lines. */
export const shimNamespace = "varve";

/**
 * Starts a shim and gives the path of its unix socket.
 * @param keepOpen descriptors that the shim gets and keeps as long as it lives, though it knows nothing of them
 * @throws {Failure} `unsupported` when the program is missing, `unavailable` when it does not come up
 */
export async function startShim(place: ShimPlace, keepOpen: readonly number[] = []): Promise<string> {
  const output = await runShim(place, [], "start", keepOpen);
  return socketPath(output.toString("utf8").trim());
}

/** Where the shim of a bundle listens, as it wrote it down itself; undefined when none was started there. */
export async function shimAddress(bundle: string): Promise<string | undefined> {
  try {
    return socketPath((await readFile(join(bundle, "address"), "utf8")).trim());
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * Ends what a shim has left behind that does not answer any more: kills the container, removes its cgroup and the
 * runtime's state. Harmless when there is nothing. Errors are not reported: the shim may have got nowhere.
 */
export async function deleteShimLeftovers(place: ShimPlace): Promise<void> {
  await runShim(place, ["-bundle", place.bundle], "delete").catch(() => killWorkersIn(place.bundle));
  const address = await shimAddress(place.bundle);
  if (address !== undefined) await rm(address, { force: true });
}

/** Milliseconds; a runtime may hang. */
const deletionPatience = 10_000;

/** Below this number stand the descriptors that the shim gives its own daemon, which would take the place of ours. */
const firstKept = 10;

function runShim(
  place: ShimPlace,
  flags: readonly string[],
  command: string,
  keepOpen: readonly number[] = [],
): Promise<Buffer> {
  // Only hashed into the path of the shim's socket: keeps shims of equal ids under different roots apart.
  const address = join(place.bundle, "events.sock");
  const args = ["-namespace", shimNamespace, "-id", place.id, "-address", address];
  args.push("-publish-binary", "/bin/true", ...flags, command);
  // Nobody takes the shim's events. Connecting to a device is refused at once, while the shim tries for five seconds
  // to connect to a path that does not exist, and at its end waits for that (containerd 1.6, pkg/dialer).
  const env = { PATH: process.env["PATH"], TTRPC_ADDRESS: "/dev/null" };
  const between = keepOpen.length === 0 ? [] : Array.from({ length: firstKept - 3 }, () => "ignore" as const);
  return new Promise((resolve, reject) => {
    // The shim reads options from its input until that ends.
    const stdio = ["ignore" as const, "pipe" as const, "pipe" as const, ...between, ...keepOpen];
    const limit = command === "delete" ? { timeout: deletionPatience, killSignal: "SIGKILL" as const } : {};
    const child = spawn(place.shim, args, { cwd: place.bundle, env, stdio, ...limit });
    const [output, errors]: [Buffer[], Buffer[]] = [[], []];
    child.stdout?.on("data", (chunk: Buffer) => output.push(chunk));
    child.stderr?.on("data", (chunk: Buffer) => errors.push(chunk));
    const fail = (error: Error): void =>
      reject(shimFailure(place.shim, command, error, Buffer.concat(errors).toString("utf8")));
    child.once("error", fail);
    child.once("close", (code, signal) => {
      if (code === 0) resolve(Buffer.concat(output));
      else fail(new Error(`ended with ${signal ?? code}`));
    });
  });
}

function shimFailure(
  shim: string,
  command: string,
  error: Error & { code?: unknown },
  stderr: string,
): Failure {
  if (error.code === "ENOENT")
    return new Failure("unsupported", `${shim}: program not found`, {
      hint: "Install it: apt-get install containerd runc",
      cause: error,
    });
  const said = stderr.trim() || error.message;
  return new Failure("unavailable", `${shim} ${command}: ${said}`, { cause: error });
}

function socketPath(address: string): string {
  if (!address.startsWith("unix://"))
    throw new Failure(
      "unavailable",
      `the shim gave the address ${JSON.stringify(address)}, not a unix socket`,
    );
  return address.slice("unix://".length);
}
