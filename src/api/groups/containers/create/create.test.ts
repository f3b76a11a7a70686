/** `create`: what it takes, what it refuses, and what it makes of what is left out. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { apiMachine, type ApiMachine } from "../../../../../test/support/api_machine.ts";
import { cannotRun } from "../../../../runtime/container_fixture.ts";

interface Inspected {
  readonly Config: Record<string, unknown>;
  readonly HostConfig: Record<string, unknown>;
  readonly NetworkSettings: { readonly Networks: Record<string, Record<string, unknown>> };
}

/** Docker 20.10's answers, asked from it. */
const refused: readonly (readonly [body: object, message: string])[] = [
  [{ Tty: 1 }, "json: cannot unmarshal number into Go struct field ContainerConfigWrapper.Tty of type bool"],
  [
    { HostConfig: { Memory: "x" } },
    "json: cannot unmarshal string into Go struct field HostConfig.HostConfig.Memory of type int64",
  ],
  [
    { HostConfig: { RestartPolicy: { Name: 4 } } },
    "json: cannot unmarshal number into Go struct field RestartPolicy.HostConfig.RestartPolicy.Name of type string",
  ],
  [{ WorkingDir: "x" }, "the working directory 'x' is invalid, it needs to be an absolute path"],
  [{ StopSignal: "foo" }, "Invalid signal: foo"],
  [{ Env: ["=x"] }, "invalid environment variable: =x"],
  [{ Healthcheck: { Interval: 5 } }, "Interval in Healthcheck cannot be less than 1ms"],
  [{ Healthcheck: { Retries: -5 } }, "Retries in Healthcheck cannot be negative"],
  [{ HostConfig: { RestartPolicy: { Name: "x" } } }, "invalid restart policy 'x'"],
  [
    { HostConfig: { RestartPolicy: { Name: "always", MaximumRetryCount: 3 } } },
    "maximum retry count cannot be used with restart policy 'always'",
  ],
  [
    { HostConfig: { AutoRemove: true, RestartPolicy: { Name: "always" } } },
    "can't create 'AutoRemove' container with restart policy",
  ],
  [{ HostConfig: { IpcMode: "container:zz" } }, "No such container: zz"],
  [{ HostConfig: { PidMode: "container:zz" } }, "No such container: zz"],
  [{ HostConfig: { PidMode: "container" } }, "invalid PID mode: container"],
  [{ HostConfig: { UTSMode: "x" } }, "invalid UTS mode: x"],
  [{ HostConfig: { CgroupnsMode: "x" } }, "invalid cgroup namespace mode: x"],
  [{ HostConfig: { ShmSize: -1 } }, "SHM size can not be less than 0"],
  [{ HostConfig: { OomScoreAdj: 2000 } }, "Invalid value 2000, range for oom score adj is [-1000, 1000]"],
  [{ HostConfig: { Runtime: "foo" } }, "Unknown runtime specified foo"],
  [{ HostConfig: { ExtraHosts: ["a"] } }, 'bad format for add-host: "a"'],
  [{ HostConfig: { ExtraHosts: ["a:x"] } }, 'invalid IP address in add-host: "x"'],
  [{ HostConfig: { CapAdd: ["FOO"] } }, 'invalid CapAdd: unknown capability: "CAP_FOO"'],
  [
    { HostConfig: { NetworkMode: "container:" } },
    "Invalid network mode: invalid container format container:<name|id>",
  ],
  [
    { HostConfig: { NetworkMode: "container" } },
    "Invalid network mode: invalid container format container:<name|id>",
  ],
  [{ HostConfig: { SecurityOpt: ["foo"] } }, 'invalid --security-opt 1: "foo"'],
  [{ HostConfig: { SecurityOpt: ["foo=bar"] } }, 'invalid --security-opt 2: "foo=bar"'],
  [{ HostConfig: { Tmpfs: { x: "" } } }, "invalid mount path: 'x' mount path must be absolute"],
  [{ HostConfig: { Links: ["zz:a"] } }, "could not get container for zz: No such container: zz"],
  [{ HostConfig: { Links: ["a:b:c"] } }, "bad format for links: a:b:c"],
  [{ HostConfig: { StorageOpt: { foo: "1" } } }, "Unknown option foo"],
  [{ HostConfig: { KernelMemory: 7 } }, "Minimum kernel memory limit allowed is 6MB"],
  [{ HostConfig: { MemorySwappiness: 200 } }, "Invalid value: 200, valid memory swappiness range is 0-100"],
  [{ HostConfig: { PortBindings: { x: [] } } }, 'invalid port specification: "x"'],
  [{ HostConfig: { PortBindings: { "80/tcp": [{ HostPort: "x" }] } } }, 'invalid port specification: "x"'],
  [
    { Hostname: "x", HostConfig: { NetworkMode: "container:x" } },
    "conflicting options: hostname and the network mode",
  ],
  [{ Hostname: "x", HostConfig: { UTSMode: "host" } }, "conflicting options: hostname and the UTS mode"],
  [
    { HostConfig: { NetworkMode: "host", Links: ["zz:a"] } },
    "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
  ],
  [
    { HostConfig: { NetworkMode: "container:x", PublishAllPorts: true } },
    "conflicting options: port publishing and the container type network mode",
  ],
  [
    { ExposedPorts: { "80/tcp": {} }, HostConfig: { NetworkMode: "container:x" } },
    "conflicting options: port exposing and the container type network mode",
  ],
  [
    { HostConfig: { NetworkMode: "container:x", Dns: ["1.1.1.1"] } },
    "conflicting options: dns and the network mode",
  ],
  [{ HostConfig: { Memory: 8 } }, "Minimum memory limit allowed is 6MB"],
  [
    { NetworkingConfig: { EndpointsConfig: { a: {}, b: {} } } },
    "Container cannot be connected to network endpoints: a, b",
  ],
  [{ NetworkingConfig: { EndpointsConfig: { a: null } } }, "no EndpointSettings for a"],
  [
    { NetworkingConfig: { EndpointsConfig: { a: { IPAMConfig: { IPv4Address: "x" } } } } },
    "invalid IPv4 address: x",
  ],
];

suite("B178 create", { skip: cannotRun }, () => {
  let host: ApiMachine;
  before(async () => void (host = await apiMachine("vfs")));
  after(() => host[Symbol.asyncDispose]());

  const inspect = async (id: string, version = "v1.41"): Promise<Inspected> =>
    (await host.expect(200, "GET", `/${version}/containers/${id}/json`)).json<Inspected>();

  test("B178 what is wrong is refused in Docker's words, and nothing is left of it", async () => {
    for (const [body, message] of refused) {
      const answer = await host.expect(400, "POST", "/v1.41/containers/create", {
        Image: "base:1",
        Cmd: ["x"],
        ...body,
      });
      assert.deepEqual(answer.json(), { message }, JSON.stringify(body));
    }
    const none = "Config cannot be empty in order to create a container";
    for (const body of [{}, { HostConfig: {} }, { Foo: "x" }])
      assert.equal((await host.expect(400, "POST", "/containers/create", body)).json()["message"], none);
    const missing = await host.expect(404, "POST", "/containers/create", { Image: "nope" });
    assert.equal(missing.json()["message"], "No such image: nope:latest");
    assert.deepEqual((await host.expect(200, "GET", "/containers/json?all=1")).json(), []);
  });

  test("B178 a link leads to whose network the other container has, and elsewhere nothing is asked", async () => {
    const create = async (status: number, name: string, HostConfig: object): Promise<unknown> => {
      const body = { Image: "base:1", Cmd: ["x"], HostConfig };
      return (await host.expect(status, "POST", `/containers/create?name=${name}`, body)).json()["message"];
    };
    await create(201, "owner", {});
    await create(201, "guest", { NetworkMode: "container:owner" });
    await create(201, "host", { NetworkMode: "host" });
    await create(201, "linked", { Links: ["guest:other"] });
    await create(201, "early", { NetworkMode: "somewhere", Links: ["later:alias"] });
    assert.equal(
      await create(400, "wrong", { Links: ["host:alias"] }),
      "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
    );
    await create(201, "self", { NetworkMode: "container:self" });
    const joined = await host.expect(500, "POST", "/containers/self/start");
    assert.equal(joined.json()["message"], "cannot join own network");
    for (const name of ["owner", "guest", "host", "linked", "early", "self"])
      await host.expect(204, "DELETE", `/containers/${name}`);
  });

  test("B178 what has no effect is told", async () => {
    const warnings = async (HostConfig: object): Promise<unknown> => {
      const body = { Image: "base:1", Cmd: ["x"], HostConfig };
      return (await host.expect(201, "POST", "/v1.41/containers/create", body)).json()["Warnings"];
    };
    assert.deepEqual(await warnings({}), []);
    const ports = { NetworkMode: "host", PortBindings: { "80/tcp": [{ HostPort: "80" }] } };
    assert.deepEqual(await warnings(ports), ["Published ports are discarded when using host network mode"]);
    assert.deepEqual(await warnings({ KernelMemory: 7_000_000 }), [
      "Specifying a kernel memory limit is deprecated and will be removed in a future release.",
    ]);
  });

  test("B178 what is left out, in each version", async () => {
    const id = await host.create({
      cmd: "true",
      HOSTCONFIG: { pidslimit: 0, MemorySwappiness: -1, Memory: 8_000_000 },
    });
    const { Config, HostConfig, NetworkSettings } = await inspect(id);
    assert.deepEqual([Config["Cmd"], Config["Env"], Config["Labels"]], [["true"], null, {}]);
    const some = [
      "Binds",
      "NetworkMode",
      "LogConfig",
      "IpcMode",
      "MemorySwap",
      "ShmSize",
      "PidsLimit",
    ] as const;
    assert.deepEqual(
      some.map((name) => HostConfig[name]),
      [null, "default", { Type: "json-file", Config: {} }, "private", 16_000_000, 67_108_864, null],
    );
    assert.deepEqual([HostConfig["KernelMemory"], HostConfig["MemorySwappiness"]], [0, null]);
    assert.deepEqual(Object.keys(NetworkSettings.Networks), ["bridge"]);
    assert.equal("KernelMemory" in (await inspect(id, "v1.42")).HostConfig, false);
    const older = await host.expect(201, "POST", "/v1.39/containers/create", { Image: "base:1", Cmd: ["x"] });
    assert.equal((await inspect(older.json<{ Id: string }>().Id)).HostConfig["IpcMode"], "shareable");
  });

  test("B178 places in networks are kept for the start; several from 1.44 on", async () => {
    const EndpointsConfig = { a: { Aliases: ["x"], IPAMConfig: { IPv4Address: "10.0.0.2" } }, b: {} };
    const body = {
      Image: "base:1",
      Cmd: ["x"],
      HostConfig: { NetworkMode: "a" },
      NetworkingConfig: { EndpointsConfig },
    };
    const { Id } = (await host.expect(201, "POST", "/v1.44/containers/create", body)).json<{ Id: string }>();
    const { Networks } = (await inspect(Id)).NetworkSettings;
    assert.deepEqual(Object.keys(Networks).sort(), ["a", "b"]);
    assert.deepEqual(
      [Networks["a"]?.["Aliases"], Networks["a"]?.["IPAMConfig"]],
      [["x"], { IPv4Address: "10.0.0.2" }],
    );
    assert.equal(Networks["b"]?.["MacAddress"], "");
  });

  test("what clients before 1.44 mount read-only is so without what is mounted below it", async () => {
    const HostConfig = { Binds: ["/:/all:ro", "/etc:/e"] };
    for (const [version, flat] of [
      ["v1.43", true],
      ["v1.44", undefined],
    ] as const) {
      const body = { Image: "base:1", Cmd: ["x"], HostConfig };
      const path = `/${version}/containers/create`;
      const { Id } = (await host.expect(201, "POST", path, body)).json<{ Id: string }>();
      const { MountPoints = {} } = await host.daemon.engine.containers.find(Id);
      const found = Object.values(MountPoints).map(({ Spec }) => Spec?.BindOptions?.ReadOnlyNonRecursive);
      assert.deepEqual(found, [flat, undefined]);
    }
  });

  test("an image is mounted for clients that know of it, and has to be there", async () => {
    const mount = (Source: string) => ({
      Image: "base:1",
      Cmd: ["x"],
      HostConfig: { Mounts: [{ Type: "image", Source, Target: "/i", ImageOptions: { Subpath: "etc" } }] },
    });
    const older = await host.expect(400, "POST", "/v1.47/containers/create", mount("base:1"));
    assert.equal(older.json()["message"], 'Mount type "Image" needs API v1.48 or newer');
    const missing = await host.expect(404, "POST", "/v1.48/containers/create", mount("nope"));
    assert.equal(missing.json()["message"], "No such image: nope:latest");
    const { Id } = (await host.expect(201, "POST", "/v1.48/containers/create", mount("base:1"))).json<{
      Id: string;
    }>();
    const { Mounts, HostConfig } = (await host.expect(200, "GET", `/v1.48/containers/${Id}/json`)).json<{
      readonly Mounts: readonly Readonly<Record<string, unknown>>[];
      readonly HostConfig: Readonly<Record<string, unknown>>;
    }>();
    const { Source: _place, ...shown } = Mounts[0] ?? {};
    assert.deepEqual(shown, {
      Type: "image",
      Name: "base:1",
      Destination: "/i",
      Mode: "",
      RW: false,
      Propagation: "rprivate",
    });
    assert.deepEqual(HostConfig["Mounts"], mount("base:1").HostConfig.Mounts);
  });

  test("B178 names and platforms", async () => {
    const id = await host.create({ Cmd: ["x"] }, "/taken");
    const ask = async (status: number, query: string): Promise<unknown> => {
      const body = { Image: "base:1", Cmd: ["x"] };
      return (await host.expect(status, "POST", `/containers/create?${query}`, body)).json()["message"];
    };
    assert.equal(
      await ask(409, "name=taken"),
      `Conflict. The container name "/taken" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.`,
    );
    for (const name of ["x", "a/b", "-ab"])
      assert.equal(
        await ask(400, `name=${encodeURIComponent(name)}`),
        `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
      );
    assert.equal(
      await ask(404, "platform=windows/amd64"),
      "image with reference base:1 was found but does not match the specified platform: wanted windows/amd64, actual: linux/amd64",
    );
    assert.equal(
      await ask(400, "platform=foo"),
      '"foo": unknown operating system or architecture: invalid argument',
    );
    assert.deepEqual(host.events().slice(-1), [`container create ${id}`]);
  });
});
