/** A server for Kubernetes with an image to run containers of, and clients of it, for tests. */
import { join } from "node:path";
import { serveCri } from "../../src/cri/index.ts";
import * as p from "../../src/cri/protocol/index.ts";
import type { Decoder, Encoder, Read, Write } from "../../src/rpc/index.ts";
import type { Daemon } from "../../src/engine/index.ts";
import { scratch } from "../suites/scratch.ts";
import type { GrpcClient } from "../../src/rpc/index.ts";
import { grpcClient } from "./grpc_client.ts";
import { endAll, importBase } from "./live_machine.ts";

export interface CriMachine extends AsyncDisposable {
  /** Holds the root, and files of the test. */
  readonly directory: string;
  readonly root: string;
  /** Path of the socket. */
  readonly socket: string;
  readonly daemon: Daemon;
  readonly client: GrpcClient;
  /** All that went wrong behind nobody's call. */
  readonly warnings: string[];
  /** A method of the runtime service. */
  call<Q, A>(name: string, request: Encoder<Q>, answer: Decoder<A>, given: Q): Promise<A>;
  /** @returns the sandbox's ID */
  sandbox(name: string, more?: Write<typeof p.SandboxConfig>): Promise<string>;
  /** A container that runs a script of `sh`. @returns its ID */
  create(
    sandbox: string,
    name: string,
    script: string,
    more?: Write<typeof p.ContainerConfig>,
  ): Promise<string>;
  run(sandbox: string, name: string, script: string, more?: Write<typeof p.ContainerConfig>): Promise<string>;
  status(container: string): Promise<NonNullable<Read<typeof p.ContainerStatusResponse>["status"]>>;
  /** Resolves when it has ended. */
  ended(container: string): Promise<void>;
  /** The server is stopped, and another one begun on the same root. */
  restart(): Promise<void>;
}

/** @param network of sandboxes */
export async function criMachine(network: string): Promise<CriMachine> {
  await using undo = new AsyncDisposableStack();
  const directory = undo.use(scratch("cri"));
  const [root, socket] = [join(directory.path, "root"), join(directory.path, "s")];
  undo.defer(() => endAll(root));
  const warnings: string[] = [];
  const serve = () =>
    serveCri({
      root,
      driver: "overlay2",
      host: `unix://${socket}`,
      network,
      warn: (text) => void warnings.push(text),
      remote: { daemonJsonPath: "/nonexistent-varve-test", dockerConfigPath: "/nonexistent-varve-test" },
    });
  let running = await serve();
  let client = grpcClient(socket);
  undo.defer(() => client[Symbol.dispose]());
  undo.defer(async () => {
    for (const { id } of running.daemon.pods.list())
      await call("RemovePodSandbox", p.SandboxRequest, p.Nothing, { podSandboxId: id });
    await running[Symbol.asyncDispose]();
  });
  await importBase(running.daemon);
  const call: CriMachine["call"] = (name, request, answer, given) =>
    client.call(`/runtime.v1.RuntimeService/${name}`, request, answer, given);
  const create: CriMachine["create"] = async (sandbox, name, script, more = {}) => {
    const config = { metadata: { name }, image: { image: "base:1" }, command: ["sh", "-c", script], ...more };
    const request = { podSandboxId: sandbox, config };
    return (await call("CreateContainer", p.CreateContainerRequest, p.CreateContainerResponse, request))
      .containerId;
  };
  const status: CriMachine["status"] = async (containerId) => {
    const answer = await call("ContainerStatus", p.ContainerStatusRequest, p.ContainerStatusResponse, {
      containerId,
    });
    if (answer.status === undefined) throw new Error(`${containerId} has no status`);
    return answer.status;
  };
  const held = undo.move();
  return {
    directory: directory.path,
    root,
    socket,
    warnings,
    call,
    create,
    status,
    get daemon() {
      return running.daemon;
    },
    get client() {
      return client;
    },
    sandbox: async (name, more = {}) => {
      const config = {
        metadata: { name, uid: `uid-${name}`, namespace: "default" },
        hostname: name,
        ...more,
      };
      return (await call("RunPodSandbox", p.RunPodSandboxRequest, p.RunPodSandboxResponse, { config }))
        .podSandboxId;
    },
    run: async (sandbox, name, script, more) => {
      const containerId = await create(sandbox, name, script, more);
      await call("StartContainer", p.ContainerRequest, p.Nothing, { containerId });
      return containerId;
    },
    ended: async (container) => {
      await running.daemon.live.wait(container, "not-running", new AbortController().signal);
    },
    restart: async () => {
      client[Symbol.dispose]();
      await running[Symbol.asyncDispose]();
      running = await serve();
      client = grpcClient(socket);
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
