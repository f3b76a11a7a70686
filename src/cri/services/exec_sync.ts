/** `ExecSync`: a command in a container, with all that it prints. */
import { Writable } from "node:stream";
import type { Daemon } from "../../engine/index.ts";
import { codes, GrpcError, type GrpcCall, type Read, type Write } from "../../rpc/index.ts";
import type * as protocol from "../protocol/index.ts";
import type { ContainerService } from "./containers.ts";

/** Bytes of each stream; more would not fit into a message. */
const mostOutput = 7 << 20;

/** @throws GrpcError when it takes longer than it may; Failure when it cannot be started */
export async function execSync(
  daemon: Daemon,
  containers: ContainerService,
  request: Read<typeof protocol.ExecSyncRequest>,
  { signal }: GrpcCall,
): Promise<Write<typeof protocol.ExecSyncResponse>> {
  const { record } = await containers.find(request.containerId);
  const [stdout, stderr] = [new Kept(), new Kept()];
  const probe = await daemon.live.execs.probe(record, request.cmd, stdout, stderr);
  const seconds = request.timeout;
  const late = Promise.withResolvers<"late">();
  const timer = seconds > 0 ? setTimeout(() => late.resolve("late"), seconds * 1000) : undefined;
  const gone = (): void => late.resolve("late");
  signal.addEventListener("abort", gone, { once: true });
  if (signal.aborted) gone();
  try {
    const exitCode = await Promise.race([probe.exitCode, late.promise]);
    if (exitCode !== "late") return { stdout: stdout.bytes(), stderr: stderr.bytes(), exitCode };
    // What it has begun may live on, and hold its output open: that is not waited for.
    probe.exitCode.catch(() => undefined);
    await probe.kill();
    const command = JSON.stringify(request.cmd.join(" "));
    throw new GrpcError(codes.deadlineExceeded, `command ${command} took longer than ${seconds} s`);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", gone);
  }
}

/** The beginning of what is written. */
class Kept extends Writable {
  readonly #chunks: Buffer[] = [];
  #size = 0;

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const part = chunk.subarray(0, mostOutput - this.#size);
    this.#chunks.push(part);
    this.#size += part.length;
    done();
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}
