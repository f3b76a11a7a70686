/** A daemon with an image to run containers of, for tests of the Engine API. */
import { request, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { treeTar } from "../../src/layer/index.ts";
import { ContainerFixture } from "../../src/runtime/container_fixture.ts";
import { daemonFixture, type Answer, type DaemonFixture } from "./daemon_fixture.ts";
import { named, signal } from "./engine_fixture.ts";

export interface ApiMachine extends DaemonFixture {
  /** Makes a container of `base:1`. @returns its ID; fails unless the answer is 201 */
  create(body: Readonly<Record<string, unknown>>, name?: string): Promise<string>;
  /** Makes and starts a container that runs a shell script. */
  run(script: string, body?: Readonly<Record<string, unknown>>, name?: string): Promise<string>;
  /** Fails unless the answer has the status. */
  expect(status: number, method: string, path: string, body?: object): Promise<Answer>;
  /** Takes the connection over. @param head whether the client offers to */
  hijack(path: string, headers?: Readonly<Record<string, string>>): Promise<Hijack>;
}

export interface Hijack {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly connection: Duplex;
}

export async function apiMachine(driver: "vfs" | "overlay2"): Promise<ApiMachine> {
  const fixture = await daemonFixture(driver);
  using base = await ContainerFixture.create();
  await fixture.engine.images.import(treeTar(base.rootfs, { signal }), { signal, name: named("base:1") });
  const expect: ApiMachine["expect"] = async (status, method, path, body) => {
    const answer = await fixture.ask(path, { method, ...(body !== undefined && { body }) });
    if (answer.status === status) return answer;
    throw new Error(`${method} ${path}: ${answer.status} instead of ${status}: ${answer.text}`);
  };
  const create: ApiMachine["create"] = async (body, name = "") => {
    const query = name === "" ? "" : `?name=${name}`;
    const answer = await expect(201, "POST", `/v1.41/containers/create${query}`, {
      Image: "base:1",
      ...body,
    });
    return answer.json<{ Id: string }>().Id;
  };
  return {
    ...fixture,
    expect,
    create,
    run: async (script, body = {}, name) => {
      const HostConfig = { NetworkMode: "none", ...(body["HostConfig"] as object | undefined) };
      const id = await create({ Cmd: ["sh", "-c", script], ...body, HostConfig }, name);
      await expect(204, "POST", `/containers/${id}/start`);
      return id;
    },
    hijack: (path, headers = { Connection: "Upgrade", Upgrade: "tcp" }) =>
      hijack(fixture.socket, path, headers),
  };
}

function hijack(
  socketPath: string,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<Hijack> {
  return new Promise((resolve, reject) => {
    const method = path.includes("/ws") ? "GET" : "POST";
    const client = request({ socketPath, path, method, headers, agent: false });
    client.on("error", reject);
    client.on("upgrade", (message, connection, early) => {
      if (early.length > 0) connection.unshift(early);
      resolve({ status: message.statusCode ?? 0, headers: message.headers, connection });
    });
    client.on("response", (message) => {
      message.resume();
      resolve({ status: message.statusCode ?? 0, headers: message.headers, connection: message.socket });
    });
    client.flushHeaders();
    client.end();
  });
}
