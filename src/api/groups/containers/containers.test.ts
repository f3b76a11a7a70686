/** Lists, names, files and commits of containers that do not run. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { apiMachine, type ApiMachine } from "../../../../test/support/api_machine.ts";
import { readTar, packTar, type PackedEntry } from "../../../tar/index.ts";
import { cannotRun } from "../../../runtime/container_fixture.ts";

interface Row {
  readonly Id: string;
  readonly Names: string[];
  readonly Status: string;
  readonly Labels: Record<string, string>;
  readonly [other: string]: unknown;
}

const entryHead = {
  linkPath: "",
  mode: 0o640,
  uid: 0,
  gid: 0,
  uname: "",
  gname: "",
  mtime: 1_700_000_000,
  mtimeNs: 0,
  devMajor: 0,
  devMinor: 0,
};

const query = (filters: unknown): string => `filters=${encodeURIComponent(JSON.stringify(filters))}`;

suite("B178 containers", { skip: cannotRun }, () => {
  let host: ApiMachine;
  before(async () => void (host = await apiMachine("vfs")));
  after(() => host[Symbol.asyncDispose]());

  const list = async (search: string): Promise<Row[]> =>
    (await host.expect(200, "GET", `/v1.41/containers/json?${search}`)).json<Row[]>();
  const names = async (filters: unknown): Promise<string[]> =>
    (await list(`all=1&${query(filters)}`)).map(({ Names }) => Names[0] as string);

  test("B178 a list has Docker's fields", async () => {
    const HostConfig = { NetworkMode: "none", Binds: ["/host:/h:ro"] };
    const id = await host.create({ Cmd: ["echo", "a b"], Labels: { a: "b" }, HostConfig }, "row");
    const [row] = await list(`all=1&${query({ name: ["row"] })}`);
    const { Created, ImageID, NetworkSettings, ...rest } = row as Row;
    assert.deepEqual(rest, {
      Id: id,
      Names: ["/row"],
      Image: "base:1",
      Command: "echo 'a b'",
      Ports: [],
      Labels: { a: "b" },
      State: "created",
      Status: "Created",
      HostConfig: { NetworkMode: "none" },
      Mounts: [
        { Type: "bind", Source: "/host", Destination: "/h", Mode: "ro", RW: false, Propagation: "rprivate" },
      ],
    });
    assert.ok(Number.isInteger(Created) && /^sha256:[0-9a-f]{64}$/.test(String(ImageID)));
    assert.deepEqual(Object.keys((NetworkSettings as { Networks: object }).Networks), ["none"]);
    assert.deepEqual(await list(""), []);
    const [sized] = await list(`all=1&size=1&${query({ name: ["row"] })}`);
    assert.ok(Number(sized?.["SizeRootFs"]) > 0 && sized?.["SizeRw"] === undefined);
    await host.expect(204, "DELETE", `/containers/${id}`);
  });

  test("B094 a list names the image as it was asked for while that leads to it, else by its whole ID", async () => {
    await host.expect(201, "POST", "/images/base:1/tag?repo=moving");
    const id = await host.create({ Image: "moving", Cmd: ["x"] });
    const [row] = await list("all=1");
    const ImageID = row?.["ImageID"];
    assert.equal(row?.["Image"], "moving");
    const short = String(ImageID).slice(7, 20);
    const other = await host.create({ Image: short, Cmd: ["x"] });
    await host.expect(200, "DELETE", "/images/moving");
    assert.deepEqual(
      (await list("all=1")).map((row) => row["Image"]),
      [short, ImageID],
    );
    for (const each of [id, other]) await host.expect(204, "DELETE", `/containers/${each}`);
  });

  test("B178 filters of lists", async () => {
    const [one, two, three] = [
      await host.create({ Cmd: ["x"], Labels: { a: "b" }, HostConfig: { NetworkMode: "none" } }, "one"),
      await host.create({ Cmd: ["x"], Labels: { a: "c" }, HostConfig: { Binds: ["/src:/dst"] } }, "two"),
      await host.create({ Cmd: ["x"], HostConfig: { NetworkMode: "host" } }, "three"),
    ];
    const all = ["/three", "/two", "/one"];
    for (const [filters, found] of [
      [{}, all],
      [{ label: ["a"] }, ["/two", "/one"]],
      [{ label: ["a=b"] }, ["/one"]],
      [{ label: { "a=c": true } }, ["/two"]],
      [{ label: ["a", "a=c"] }, ["/two"]],
      [{ name: ["o"] }, ["/two", "/one"]],
      [{ name: ["^/one$", "^three$"] }, ["/three", "/one"]],
      [{ name: ["["] }, []],
      [{ name: ["^(.*)*x$"] }, []],
      [{ id: [one.slice(0, 12)] }, ["/one"]],
      [{ before: ["three"] }, ["/two", "/one"]],
      [{ since: [one], before: [three.slice(0, 20)] }, ["/two"]],
      [{ ancestor: ["base:1"] }, all],
      [{ ancestor: ["base"] }, []],
      [{ status: ["created"] }, all],
      [{ status: ["running", "exited"] }, []],
      [{ exited: ["0"] }, []],
      [{ health: ["none"] }, all],
      [{ health: ["healthy"] }, []],
      [{ "is-task": ["true"] }, []],
      [{ network: ["none"] }, ["/one"]],
      [{ volume: ["/src"] }, ["/two"]],
      [{ volume: ["/dst"] }, ["/two"]],
      [{ publish: ["80"] }, []],
      [{ expose: ["80/tcp"] }, []],
    ] as const)
      assert.deepEqual(await names(filters), found, JSON.stringify(filters));
    assert.deepEqual(
      (await list("limit=2")).map(({ Names }) => Names[0]),
      ["/three", "/two"],
    );
    assert.deepEqual(await list("limit=0"), []);
    for (const [filters, status, message] of [
      [{ foo: ["x"] }, 400, "invalid filter 'foo'"],
      [{ status: ["foo"] }, 400, "invalid filter 'status=foo'"],
      [{ exited: ["x"] }, 400, 'strconv.Atoi: parsing "x": invalid syntax'],
      [{ health: ["zz"] }, 400, "Unrecognised filter value for health: zz"],
      [{ before: ["zz"] }, 404, "no such container zz"],
      [
        { publish: ["x"] },
        400,
        'error while looking up for publish x: strconv.ParseUint: parsing "x": invalid syntax',
      ],
    ] as const)
      assert.deepEqual((await host.expect(status, "GET", `/containers/json?${query(filters)}`)).json(), {
        message,
      });
    for (const id of [one, two, three]) await host.expect(204, "DELETE", `/containers/${id}`);
  });

  test("B178 rename", async () => {
    const [id, other] = [
      await host.create({ Cmd: ["x"] }, "before"),
      await host.create({ Cmd: ["x"] }, "other"),
    ];
    const rename = async (status: number, name: string): Promise<unknown> =>
      (await host.expect(status, "POST", `/containers/before/rename?name=${encodeURIComponent(name)}`)).text;
    assert.match(String(await rename(400, "")), /Neither old nor new names may be empty/);
    assert.match(
      String(await rename(400, "before")),
      /Renaming a container with the same name as its current name/,
    );
    assert.match(
      String(await rename(409, "other")),
      new RegExp(`is already in use by container .."?${other}`),
    );
    assert.match(
      String(await rename(400, "a/b")),
      /Error when allocating new name: Invalid container name \(\/a\/b\)/,
    );
    await rename(204, "after");
    const { Actor, Action } = host.lastEvent() ?? { Actor: undefined, Action: undefined };
    assert.deepEqual(
      [Action, Actor?.ID, Actor?.Attributes],
      ["rename", id, { image: "base:1", name: "after", oldName: "/before" }],
    );
    await host.expect(404, "POST", "/containers/before/rename?name=c3");
    for (const each of [id, other]) await host.expect(204, "DELETE", `/containers/${each}`);
  });

  /** Entries of a tar as `path content`. */
  async function entries(tar: Buffer): Promise<string[]> {
    const all: string[] = [];
    for await (const { entry, body } of readTar(one(tar))) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of body) chunks.push(chunk);
      all.push(`${entry.path} ${Buffer.concat(chunks).toString()}`.trimEnd());
    }
    return all;
  }

  async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
    yield bytes;
  }

  async function tarOf(files: Readonly<Record<string, string>>): Promise<Buffer> {
    async function* packed(): AsyncGenerator<PackedEntry, void, undefined> {
      for (const [path, content] of Object.entries(files)) {
        const head = { ...entryHead, path, size: Buffer.byteLength(content) };
        if (path.endsWith("/")) yield { entry: { ...head, type: "directory", mode: 0o755 } };
        else yield { entry: { ...head, type: "file" }, body: one(Buffer.from(content)) };
      }
    }
    const chunks: Uint8Array[] = [];
    for await (const chunk of packTar(packed(), { nanoseconds: false })) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  const statOf = (header: unknown): Record<string, unknown> =>
    JSON.parse(Buffer.from(String(header), "base64").toString()) as Record<string, unknown>;

  test("B178 archive: in, what is there, out; changes", async () => {
    const id = await host.create({ Cmd: ["x"] }, "files");
    const put = (path: string, body: Buffer) =>
      host.ask(`/containers/files/archive?path=${path}`, { method: "PUT", body });
    const tar = await tarOf({ "d/": "", "d/f": "content" });
    assert.equal((await put("/root", tar)).status, 200);
    assert.deepEqual(host.events().slice(-1), [`container extract-to-dir ${id}`]);
    const stat = { name: "f", size: 7, mode: 0o640, mtime: "2023-11-14T22:13:20Z", linkTarget: "" };
    const head = await host.expect(200, "HEAD", "/containers/files/archive?path=/root/d/f");
    assert.deepEqual(statOf(head.headers["x-docker-container-path-stat"]), stat);
    const got = await host.expect(200, "GET", "/containers/files/archive?path=/root/d");
    assert.equal(got.headers["content-type"], "application/x-tar");
    const { size: _size, ...directory } = statOf(got.headers["x-docker-container-path-stat"]);
    const { size: _fileSize, ...file } = stat;
    assert.deepEqual(directory, { ...file, name: "d", mode: 2 ** 31 + 0o755 });
    assert.deepEqual(await entries(got.bytes), ["d/", "d/f content"]);
    assert.deepEqual(host.events().slice(-1), [`container archive-path ${id}`]);
    const changes = await host.expect(200, "GET", "/containers/files/changes");
    assert.deepEqual(changes.json(), [
      { Path: "/root", Kind: 0 },
      { Path: "/root/d", Kind: 1 },
      { Path: "/root/d/f", Kind: 1 },
    ]);
    for (const [status, path, message] of [
      [404, "/nope", "Could not find the file /nope in container files"],
      [400, "/root/d/f", "extraction point is not a directory"],
      [400, "", "bad parameter: 'path' cannot be empty"],
    ] as const) {
      const answer = await put(path, tar);
      assert.deepEqual([answer.status, answer.json()["message"]], [status, message]);
    }
    const short = id.slice(0, 8);
    const missing = await host.expect(404, "GET", `/containers/${short}/archive?path=/nope`);
    assert.equal(missing.json()["message"], `Could not find the file /nope in container ${short}`);
    const over = await put("/root/d&noOverwriteDirNonDir=1", await tarOf({ "f/": "" }));
    assert.match(over.text, /cannot overwrite non-directory/);
    assert.equal((await put("/root/d", await tarOf({ "f/": "" }))).status, 200);
    assert.equal((await put("/root", Buffer.from("no tar, and not the end of one"))).status, 400);
    await host.expect(204, "DELETE", `/containers/${id}`);
  });

  test("B178 a container without changes has none; export has all", async () => {
    const id = await host.create({ Cmd: ["x"] }, "still");
    assert.equal((await host.expect(200, "GET", "/containers/still/changes")).text.trim(), "null");
    const exported = await host.expect(200, "GET", "/containers/still/export");
    assert.equal(exported.headers["content-type"], "application/octet-stream");
    const paths = await entries(exported.bytes);
    assert.ok(paths.some((path) => path.startsWith("bin/busybox ")) && paths.includes(".dockerenv"));
    assert.deepEqual(host.events().slice(-1), [`container export ${id}`]);
    for (const path of ["export", "changes", "json", "archive?path=/"])
      assert.equal(
        (await host.expect(404, "GET", `/containers/nope/${path}`)).json()["message"],
        "No such container: nope",
      );
    await host.expect(204, "DELETE", `/containers/${id}`);
  });

  test("B178 a client that leaves in the middle is no failure, and leaves no mount", async () => {
    const id = await host.create({ Cmd: ["x"] }, "left");
    const socket = createConnection(host.socket);
    socket.write("GET /containers/left/export HTTP/1.1\r\nHost: docker\r\n\r\n");
    await once(socket, "data");
    socket.destroy();
    await host.expect(204, "DELETE", `/containers/${id}`);
    assert.deepEqual(host.warnings, []);
  });

  test("B178 stats once: what fails before there are any is the answer", async () => {
    const id = await host.create({ Cmd: ["true"] });
    const { read } = (await host.expect(200, "GET", `/containers/${id}/stats?stream=0&one-shot=1`)).json<{
      read: string;
    }>();
    assert.equal(read, "0001-01-01T00:00:00Z");
    rmSync(join(host.root, "containers", id, "hostconfig.json"));
    await host.expect(500, "GET", `/containers/${id}/stats?stream=0&one-shot=1`);
    host.warnings.length = 0;
    await host.expect(204, "DELETE", `/containers/${id}`);
  });

  test("B178 commit: name, author, comment, changes, config", async () => {
    const id = await host.create(
      { Cmd: ["sh"], Env: ["A=1"], Hostname: "named", Labels: { a: "b" } },
      "source",
    );
    const search = `container=source&repo=made&tag=1&author=me&comment=why&changes=${encodeURIComponent('CMD ["ls"]')}`;
    const body = { Env: ["B=2"], Labels: { c: "d" } };
    const { Id } = (await host.expect(201, "POST", `/v1.41/commit?${search}`, body)).json<{ Id: string }>();
    const { config: image } = await host.engine.images.resolve("made:1");
    const { Cmd, Env, Labels, Hostname } = image.config ?? {};
    assert.deepEqual([Cmd, Env, Labels, Hostname], [["ls"], ["B=2", "A=1"], { a: "b", c: "d" }, ""]);
    assert.deepEqual([image.author, image.history?.at(-1)?.comment], ["me", "why"]);
    assert.deepEqual(host.lastEvent()?.Actor, {
      ID: id,
      Attributes: {
        a: "b",
        image: "base:1",
        name: "source",
        comment: "why",
        imageID: Id,
        imageRef: "made:1",
      },
    });
    const change = `changes=${encodeURIComponent("ENV Z=1")}`;
    await host.expect(201, "POST", `/commit?container=source&repo=changed&${change}`);
    assert.deepEqual((await host.engine.images.resolve("changed")).config.config?.Env, ["A=1", "Z=1"]);
    for (const [status, path] of [
      [404, "container=nope"],
      [400, "container=source&changes=FOO"],
      [400, "container=source&repo=UPPER"],
    ] as const)
      await host.expect(status, "POST", `/commit?${path}`);
    await host.expect(400, "POST", "/commit?container=source", { Cmd: 4 });
    await host.expect(204, "DELETE", `/containers/${id}`);
  });

  test("B178 prune: by label and age", async () => {
    const ids = [
      await host.create({ Cmd: ["x"], Labels: { keep: "" } }),
      await host.create({ Cmd: ["x"], Labels: { drop: "" } }),
      await host.create({ Cmd: ["x"] }),
    ];
    const prune = async (filters: unknown): Promise<unknown> =>
      (await host.expect(200, "POST", `/v1.41/containers/prune?${query(filters)}`)).json()[
        "ContainersDeleted"
      ];
    assert.deepEqual(await prune({ until: ["24h"] }), null);
    assert.deepEqual(await prune({ label: ["drop"] }), [ids[1]]);
    assert.deepEqual(await prune({ "label!": ["keep"] }), [ids[2]]);
    await host.expect(400, "POST", `/containers/prune?${query({ until: ["x"] })}`);
    await host.expect(400, "POST", `/containers/prune?${query({ until: ["1h", "2h"] })}`);
    assert.deepEqual(await prune({}), [ids[0]]);
    assert.deepEqual(host.lastEvent()?.Actor, { ID: "", Attributes: { reclaimed: "0" } });
  });
});
