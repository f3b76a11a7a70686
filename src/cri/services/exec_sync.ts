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
  let isLate = false;
  const late = (): void => {
    isLate = true;
    void probe.kill();
  };
  const timer = seconds > 0 ? setTimeout(late, seconds * 1000) : undefined;
  const gone = (): void => void probe.kill();
  signal.addEventListener("abort", gone, { once: true });
  try {
    const exitCode = await probe.exitCode;
    if (isLate) {
      const command = request.cmd.join(" ");
      throw new GrpcError(
        codes.deadlineExceeded,
        `command ${JSON.stringify(command)} took longer than ${seconds} s`,
      );
    }
    return { stdout: stdout.bytes(), stderr: stderr.bytes(), exitCode };
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
