import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Failure } from "../../errors.ts";
import { defaultHostConfig } from "./host_config.ts";
import { mountPoints, parseBind, type PlannedMount } from "./mount_points.ts";
import type { ContainerRecord, HostConfig, MountPoint } from "./record.ts";

const nobody = async (text: string): Promise<ContainerRecord> => {
  throw new Failure("not-found", `No such container: ${text}`);
};

const plan = (hostConfig: object, volumes: Record<string, object> = {}): Promise<PlannedMount[]> =>
  mountPoints({ Volumes: volumes }, { ...defaultHostConfig(), ...hostConfig } as HostConfig, nobody);

describe("B181 what -v means", () => {
  // What dockerd 20.10 writes into config.v2.json, but for what it knows once the volume is made.
  for (const [text, wanted] of [
    [
      "/src:/b",
      {
        Source: "/src",
        Destination: "/b",
        RW: true,
        Name: "",
        Driver: "",
        Type: "bind",
        Propagation: "rprivate",
        Spec: { Type: "bind", Source: "/src", Target: "/b" },
        SkipMountpointCreation: false,
      },
    ],
    [
      "/src/../src/:/b//c/:ro,rslave",
      {
        Source: "/src",
        Destination: "/b/c",
        RW: false,
        Name: "",
        Driver: "",
        Type: "bind",
        Relabel: "ro,rslave",
        Propagation: "rslave",
        Spec: {
          Type: "bind",
          Source: "/src/../src/",
          Target: "/b//c/",
          ReadOnly: true,
          BindOptions: { Propagation: "rslave" },
        },
        SkipMountpointCreation: false,
      },
    ],
    [
      "v2:/v2:ro,nocopy",
      {
        Source: "",
        Destination: "/v2",
        RW: false,
        Name: "v2",
        Driver: "",
        Type: "volume",
        Relabel: "ro,nocopy",
        Spec: {
          Type: "volume",
          Source: "v2",
          Target: "/v2",
          ReadOnly: true,
          VolumeOptions: { NoCopy: true },
        },
        SkipMountpointCreation: false,
      },
    ],
  ] as const) {
    test(text, () => assert.deepEqual(parseBind(text).point, wanted));
  }

  test("an empty volume gets the image's content unless nocopy says otherwise", () => {
    assert.deepEqual(
      ["v2:/v", "v2:/v:Z,cached", "v2:/v:nocopy", "/src:/v"].map((text) => parseBind(text).copy),
      [true, true, false, false],
    );
  });

  // Docker's words: those of dockerd 20.10 for the same requests.
  for (const [text, message] of [
    ["/a:/b:/c:/d", "invalid volume specification: '/a:/b:/c:/d'"],
    [":/b", "invalid volume specification: ':/b'"],
    ["a.b:ro", "invalid volume specification: 'a.b:ro'"],
    ["", "invalid volume specification: ''"],
    [
      "/a:b",
      `invalid volume specification: '/a:b': invalid mount config for type "bind": invalid mount path: 'b' mount path must be absolute`,
    ],
    ["/a:/b:xx", "invalid mode: xx"],
    ["/a:/b:ro,rw", "invalid mode: ro,rw"],
    ["/a:/b:z,Z", "invalid mode: z,Z"],
    [
      "/a:/",
      `invalid volume specification: '/a:/': invalid mount config for type "bind": invalid specification: destination can't be '/'`,
    ],
    [
      "/a:/b/..",
      `invalid volume specification: '/a:/b/..': invalid mount config for type "bind": invalid specification: destination can't be '/'`,
    ],
    [
      "aa:/b:rslave",
      `invalid volume specification: 'aa:/b:rslave': invalid mount config for type "volume": field BindOptions must not be specified`,
    ],
    [
      "/a:/b:nocopy",
      `invalid volume specification: '/a:/b:nocopy': invalid mount config for type "bind": field VolumeOptions must not be specified`,
    ],
  ] as const) {
    test(`refuses ${JSON.stringify(text)}`, () =>
      assert.throws(() => parseBind(text), { kind: "invalid", message }));
  }
});

describe("B181 what --mount means", () => {
  const config = (type: string, why: string): string => `invalid mount config for type "${type}": ${why}`;
  for (const [mount, message] of [
    [
      { Type: "bind", Source: "/no such path", Target: "/b" },
      config("bind", "bind source path does not exist: /no such path"),
    ],
    [{ Type: "npipe", Source: "/nope", Target: "/b" }, config("npipe", "mount type unknown")],
    [{ Type: "", Source: "/nope", Target: "/b" }, config("", "mount type unknown")],
    [{ Type: "bind", Source: "", Target: "/b" }, config("bind", "field Source must not be empty")],
    [{ Type: "bind", Source: "/tmp", Target: "" }, config("bind", "field Target must not be empty")],
    [
      { Type: "bind", Source: "/tmp", Target: "/" },
      config("bind", "invalid specification: destination can't be '/'"),
    ],
    [
      { Type: "bind", Source: "/tmp", Target: "b" },
      config("bind", "invalid mount path: 'b' mount path must be absolute"),
    ],
    [
      { Type: "bind", Source: "tmp", Target: "/b" },
      config("bind", "invalid mount path: 'tmp' mount path must be absolute"),
    ],
    [
      { Type: "bind", Source: "/tmp", Target: "/b", VolumeOptions: {} },
      config("bind", "field VolumeOptions must not be specified"),
    ],
    [
      { Type: "bind", Source: "/tmp", Target: "/b", BindOptions: { Propagation: "x" } },
      config("bind", "invalid propagation mode: x"),
    ],
    [
      { Type: "volume", ReadOnly: true, Target: "/b" },
      config("volume", "must not set ReadOnly mode when using anonymous volumes"),
    ],
    [
      { Type: "volume", Source: "xx", Target: "/b", BindOptions: {} },
      config("volume", "field BindOptions must not be specified"),
    ],
    [
      { Type: "volume", Target: "/b", VolumeOptions: { Subpath: "a" } },
      config("volume", "must not set Subpath when using anonymous volumes"),
    ],
    [
      { Type: "volume", Source: "xx", Target: "/b", VolumeOptions: { Subpath: "a/../../b" } },
      config("volume", "subpath must be a relative path within the volume"),
    ],
    [
      { Type: "volume", Source: "xx", Target: "/b", ImageOptions: {} },
      config("volume", "field ImageOptions must not be specified"),
    ],
    [{ Type: "image", Target: "/b" }, config("image", "field Source must not be empty")],
    [
      { Type: "image", Source: "xx", Target: "/b", VolumeOptions: {} },
      config("image", "field VolumeOptions must not be specified"),
    ],
    [
      { Type: "image", Source: "xx", Target: "/b", ImageOptions: { Subpath: "../b" } },
      config("image", "subpath must be a relative path within the volume"),
    ],
    [{ Type: "tmpfs", Source: "xx", Target: "/b" }, config("tmpfs", "field Source must not be specified")],
    [
      { Type: "tmpfs", Target: "/b", BindOptions: {} },
      config("tmpfs", "field BindOptions must not be specified"),
    ],
    [
      { Type: "tmpfs", Target: "/b", TmpfsOptions: { Options: [["suid"]] } },
      config("tmpfs", "invalid option: suid"),
    ],
    [
      { Type: "tmpfs", Target: "/b", ReadOnly: "yes" },
      "invalid JSON: HostConfig.Mounts.ReadOnly: expected boolean",
    ],
    ["/b", "invalid JSON: HostConfig.Mounts: expected object"],
  ] as const) {
    test(`refuses ${JSON.stringify(mount)}`, () =>
      assert.rejects(plan({ Mounts: [mount] }), { kind: "invalid", message }));
  }

  test("a bind's source is made only if that is asked for", async () => {
    const bind = (BindOptions?: object): object => ({
      Type: "bind",
      Source: BindOptions ? "/no such path" : "/",
      Target: "/b",
      ...(BindOptions && { BindOptions }),
    });
    const [made] = await plan({ Mounts: [bind({ CreateMountpoint: true })] });
    const [found] = await plan({ Mounts: [bind()] });
    assert.deepEqual(
      [made, found].map((each) => each?.point.SkipMountpointCreation),
      [false, true],
    );
  });

  test("empty members are left out, as Go leaves them out", async () => {
    const mount = {
      Type: "volume",
      Source: "v3",
      Target: "/v3",
      ReadOnly: false,
      BindOptions: null,
      VolumeOptions: { NoCopy: false, Labels: { x: "y" }, DriverConfig: {} },
      unknown: 1,
    };
    const [planned] = await plan({ Mounts: [mount] });
    assert.deepEqual(planned?.point.Spec, {
      Type: "volume",
      Source: "v3",
      Target: "/v3",
      VolumeOptions: { Labels: { x: "y" }, DriverConfig: {} },
    });
    assert.deepEqual(planned?.volume, { name: "v3", driver: "", options: {}, labels: { x: "y" } });
  });
});

describe("B181 several mounts", () => {
  for (const hostConfig of [
    { Binds: ["/a:/b", "/c:/b/"] },
    { Binds: ["/a:/b"], Tmpfs: { "/b": "" } },
    { Binds: ["/a:/b"], Mounts: [{ Type: "tmpfs", Target: "/b" }] },
    {
      Mounts: [
        { Type: "tmpfs", Target: "/b" },
        { Type: "tmpfs", Target: "/x/../b" },
      ],
    },
  ]) {
    test(`two on one place are refused: ${JSON.stringify(hostConfig)}`, () =>
      assert.rejects(plan(hostConfig), { kind: "invalid", message: "Duplicate mount point: /b" }));
  }

  test("the user's mount takes the place of the image's volume", async () => {
    const planned = await plan(
      { Binds: ["/a:/data"], Tmpfs: { "/run": "" } },
      { "/data/": {}, "/run": {}, "/more": {}, rel: {} },
    );
    assert.deepEqual(
      planned.map(({ point }) => `${point.Type} ${point.Destination}`),
      ["bind /data", "volume /more", "volume /rel"],
    );
    await assert.rejects(plan({}, { "/": {} }), {
      message: "invalid specification: destination can't be '/'",
    });
  });

  for (const [text, message] of [
    ["", "volumes-from specification cannot be an empty string"],
    ["c3:xx", "invalid mode: xx"],
    ["c3:rslave", "invalid mode: rslave"],
    ["c3:nocopy", "invalid mode: nocopy"],
    ["nope", "No such container: nope"],
  ] as const) {
    test(`--volumes-from refuses ${JSON.stringify(text)}`, () =>
      assert.rejects(plan({ VolumesFrom: [text] }), { kind: "invalid", message }));
  }

  test("--volumes-from takes all of the other's, read-only on demand, and own ones win", async () => {
    const others = [parseBind("v1:/v1:z"), parseBind("/a:/b:ro"), parseBind("/c:/d")];
    const record = {
      MountPoints: Object.fromEntries(others.map(({ point }) => [point.Destination, point])),
    } as unknown as ContainerRecord;
    const shown = async (mode: string): Promise<unknown> => {
      const hostConfig = { ...defaultHostConfig(), VolumesFrom: [`c3${mode}`], Binds: ["/own:/d"] };
      const planned = await mountPoints({}, hostConfig, async () => record);
      return planned.map(({ point, copy, volume }: PlannedMount) => {
        const { Source, Name, RW, Relabel }: MountPoint = point;
        return [point.Destination, Source || Name, RW, Relabel, copy, volume];
      });
    };
    const own = ["/d", "/own", true, undefined, false, undefined];
    assert.deepEqual(await shown(""), [
      ["/v1", "v1", true, undefined, false, undefined],
      ["/b", "/a", false, undefined, false, undefined],
      own,
    ]);
    assert.deepEqual(await shown(":ro"), [
      ["/v1", "v1", false, undefined, false, undefined],
      ["/b", "/a", false, undefined, false, undefined],
      own,
    ]);
  });
});
