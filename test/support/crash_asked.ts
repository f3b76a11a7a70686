/**
 * A daemon that is asked one thing, by Docker's API or by Kubernetes', and may be killed in the middle of it; as
 * `crash_program.ts`, which does what needs no client.
 */
import { killAtStep } from "./kill_at_step.ts";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline/promises";
import { serveDaemon } from "../../src/api/index.ts";
import { serveCri } from "../../src/cri/index.ts";
import * as p from "../../src/cri/protocol/index.ts";
import type { Write } from "../../src/rpc/index.ts";
import { exchange } from "./daemon_fixture.ts";
import { grpcClient } from "./grpc_client.ts";

export type Asked = AskedOfApi | AskedOfCri;

interface AskedOfApi {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
  /** Path of a file that is the body. */
  readonly file?: string;
}

type AskedOfCri =
  | { readonly call: "RunPodSandbox"; readonly given: Write<typeof p.RunPodSandboxRequest> }
  | { readonly call: "StopPodSandbox" | "RemovePodSandbox"; readonly given: Write<typeof p.SandboxRequest> };

export interface AskedOrder {
  readonly root: string;
  /** Path, to listen on. */
  readonly socket: string;
  /** As in `crash_program.ts`. */
  readonly step: number;
  readonly asked: Asked;
}

async function perform({ root, socket, step, asked }: AskedOrder): Promise<void> {
  const options = {
    root,
    driver: "overlay2",
    warn: (text: string) => console.error(text),
    remote: { daemonJsonPath: "/nonexistent-varve-test", dockerConfigPath: "/nonexistent-varve-test" },
  } as const;
  const host = `unix://${socket}`;
  if ("call" in asked) {
    await using _ = await serveCri({ ...options, host, network: "bridge" });
    killAtStep(step);
    await askCri(socket, asked);
  } else {
    await using _ = await serveDaemon({ ...options, hosts: [host] });
    const { method, path, file } = asked;
    const body = file === undefined ? asked.body : readFileSync(file);
    killAtStep(step);
    const { status, text } = await exchange(socket, path, { method, ...(body !== undefined && { body }) });
    // A build, a pull and a load tell of their failure in the answer.
    if (status >= 400 || text.includes('"errorDetail"'))
      throw new Error(`${method} ${path}: ${status} ${text}`);
  }
}

async function askCri(socket: string, asked: AskedOfCri): Promise<void> {
  using client = grpcClient(socket);
  const path = `/runtime.v1.RuntimeService/${asked.call}`;
  if (asked.call === "RunPodSandbox")
    await client.call(path, p.RunPodSandboxRequest, p.RunPodSandboxResponse, asked.given);
  else await client.call(path, p.SandboxRequest, p.Nothing, asked.given);
}

for await (const line of createInterface({ input: process.stdin })) {
  await perform(JSON.parse(line) as AskedOrder);
  process.exit(0);
}
