/** The same requests to dockerd, in a network namespace of its own. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { type TestMachine, testMachine, unlessBridges } from "../../test/suites/network_fixture.ts";
import { unlessAll } from "../../test/suites/scratch.ts";
import { Failure } from "../errors.ts";
import { inNetworkNamespace } from "../sys/index.ts";
import type { NetworkDefinition, NetworkRequest } from "./types.ts";

const dockerdMissing = spawnSync("dockerd", ["--version"]).status === 0 ? false : "needs dockerd";
const skip = unlessBridges || unlessAll || dockerdMissing;

const requests: readonly NetworkRequest[] = [
  { name: "plain", labels: { a: "b" } },
  { name: "plain" },
  { name: "host" },
  { name: "bridge" },
  { name: "a/b", internal: true },
  { name: "other", driver: "foo" },
  { name: "named", ipam: { config: [{ subnet: "10.8.0.1/24" }] } },
  { name: "overlap", ipam: { config: [{ subnet: "172.18.128.0/24" }] } },
  { name: "bad", ipam: { config: [{ subnet: "300.1.1.1/24" }] } },
  {
    name: "full",
    attachable: true,
    options: { "com.docker.network.driver.mtu": "1400" },
    ipam: {
      config: [
        {
          subnet: "10.9.0.0/24",
          gateway: "10.9.0.9",
          ipRange: "10.9.0.128/25",
          auxAddresses: { h: "10.9.0.130" },
        },
      ],
    },
  },
];

test("definitions and refusals are dockerd's", { skip }, async () => {
  await using machine = await testMachine();
  await using dockerd = await startDockerd(machine);
  for (const request of requests) {
    const ours = await create(machine, request);
    const theirs = await dockerd.create(request);
    assert.deepEqual(ours, theirs, JSON.stringify(request));
  }
  for (const term of ["bridge", "nowhere"]) {
    const ours = await machine.networking.networks.remove(term).catch((error: Error) => error.message);
    assert.equal(ours, (await dockerd.call("DELETE", `/networks/${term}`))["message"]);
  }
});

type Shown = Record<string, unknown>;

async function create(machine: TestMachine, request: NetworkRequest): Promise<Shown | string> {
  try {
    return shown(await machine.networking.networks.create(request));
  } catch (error) {
    if (error instanceof Failure) return error.message;
    throw error;
  }
}

/** As the API shows it, without what is different each time. */
function shown(definition: NetworkDefinition): Shown {
  return {
    Name: definition.name,
    Scope: definition.scope,
    Driver: definition.driver,
    EnableIPv6: definition.enableIPv6,
    IPAM: {
      Driver: definition.ipam.driver,
      Options: definition.ipam.options,
      Config: definition.ipam.config.map(apiConfig),
    },
    Internal: definition.internal,
    Attachable: definition.attachable,
    Options: definition.options,
    Labels: definition.labels,
  };
}

function apiConfig(config: NonNullable<NonNullable<NetworkRequest["ipam"]>["config"]>[number]): Shown {
  const entries = { Subnet: config.subnet, IPRange: config.ipRange, Gateway: config.gateway };
  const given = Object.entries(entries).filter(([, value]) => value !== undefined);
  const { auxAddresses } = config;
  return {
    ...Object.fromEntries(given),
    ...(auxAddresses === undefined ? {} : { AuxiliaryAddresses: auxAddresses }),
  };
}

interface Dockerd extends AsyncDisposable {
  call(method: string, path: string, body?: object): Promise<Shown>;
  create(request: NetworkRequest): Promise<Shown | string>;
}

async function startDockerd(machine: TestMachine): Promise<Dockerd> {
  const at = (name: string): string => join(machine.path, name);
  const words = [
    "--data-root",
    at("data"),
    "--exec-root",
    at("exec"),
    "-p",
    at("pid"),
    "-H",
    `unix://${at("sock")}`,
  ];
  const child = inNetworkNamespace(machine.container("dockerd"), () =>
    spawn("dockerd", [...words, "--storage-driver", "vfs"], { stdio: ["ignore", "ignore", "pipe"] }),
  );
  await answering(child);
  const call = (method: string, path: string, body?: object): Promise<Shown> =>
    ask(at("sock"), method, path, body);
  return {
    call,
    create: async (request) => {
      const { ipam, ...rest } = request;
      const { Id, message } = await call("POST", "/networks/create", {
        Name: rest.name,
        CheckDuplicate: true,
        Driver: rest.driver ?? "bridge",
        Internal: rest.internal,
        Attachable: rest.attachable,
        Options: rest.options ?? {},
        Labels: rest.labels ?? {},
        IPAM: { Driver: "default", Options: ipam?.options, Config: (ipam?.config ?? []).map(apiConfig) },
      });
      if (Id === undefined) return message as string;
      const {
        Created,
        Id: _,
        Containers,
        ConfigFrom,
        ConfigOnly,
        Ingress,
        ...shownByDocker
      } = await call("GET", `/networks/${Id as string}`);
      assert.ok(Created && _ && Containers && ConfigFrom && ConfigOnly === false && Ingress === false);
      return shownByDocker;
    },
    [Symbol.asyncDispose]: async () => {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    },
  };
}

async function answering(child: ChildProcess): Promise<void> {
  let log = "";
  for await (const chunk of child.stderr ?? []) {
    log += String(chunk);
    if (log.includes("API listen on")) break;
  }
  if (!log.includes("API listen on")) throw new Error(`dockerd did not start: ${log}`);
}

async function ask(socketPath: string, method: string, path: string, body?: object): Promise<Shown> {
  const request = httpRequest({ socketPath, method, path, headers: { "content-type": "application/json" } });
  request.end(body === undefined ? undefined : JSON.stringify(body));
  const [response] = (await once(request, "response")) as [AsyncIterable<Buffer>];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  return text === "" ? {} : (JSON.parse(text) as Shown);
}
