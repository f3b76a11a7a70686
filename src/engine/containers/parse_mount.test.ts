import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseMount } from "./parse_mount.ts";

describe("B181 --mount", () => {
  for (const [text, wanted] of [
    ["target=/v", { Type: "volume", Target: "/v" }],
    ["type=bind,src=/s,dst=/b,readonly", { Type: "bind", Source: "/s", Target: "/b", ReadOnly: true }],
    [
      "type=bind,source=.,target=/b,ro=false",
      { Type: "bind", Source: process.cwd(), Target: "/b", ReadOnly: false },
    ],
    [
      "type=Bind,source=/s,target=/b,bind-propagation=RSlave,bind-recursive=disabled",
      {
        Type: "bind",
        Source: "/s",
        Target: "/b",
        BindOptions: { Propagation: "rslave", NonRecursive: true },
      },
    ],
    [
      'source=v,destination=/v,volume-nocopy,volume-label=x=y=z,"volume-opt=o=size=1m,ro",volume-opt=type=tmpfs,volume-driver=local,volume-subpath=a/b',
      {
        Type: "volume",
        Source: "v",
        Target: "/v",
        VolumeOptions: {
          NoCopy: true,
          Labels: { x: "y=z" },
          DriverConfig: { Options: { o: "size=1m,ro", type: "tmpfs" }, Name: "local" },
          Subpath: "a/b",
        },
      },
    ],
    [
      "type=image,source=alpine:3,target=/a,image-subpath=etc",
      { Type: "image", Source: "alpine:3", Target: "/a", ImageOptions: { Subpath: "etc" } },
    ],
    [
      "type=tmpfs,target=/t,tmpfs-size=1.5m,tmpfs-mode=1770",
      { Type: "tmpfs", Target: "/t", TmpfsOptions: { SizeBytes: 1_572_864, Mode: 0o1770 } },
    ],
  ] as const) {
    test(text, () => assert.deepEqual(parseMount(text), wanted));
  }

  for (const [text, message] of [
    ["type=bind,source", "invalid field 'source' must be a key=value pair"],
    ["type=bind,colour=red", "unexpected key 'colour' in 'colour=red'"],
    ["target=/v,volume-colour=red", "unexpected key 'volume-colour' in 'volume-colour=red'"],
    ["type=,target=/v", "type is required"],
    ["type=bind,source=/s", "target is required"],
    ["target=/v,readonly=maybe", "invalid value for readonly: maybe"],
    ["type=tmpfs,target=/v,tmpfs-size=big", "invalid value for tmpfs-size: big"],
    ["type=tmpfs,target=/v,tmpfs-mode=999", "invalid value for tmpfs-mode: 999"],
    ["type=bind,target=/v,volume-nocopy", "cannot mix 'volume-*' options with mount type 'bind'"],
    ["target=/v,image-subpath=a", "cannot mix 'image-*' options with mount type 'volume'"],
    ["type=image,target=/v,image-colour=red", "unexpected key 'image-colour' in 'image-colour=red'"],
    ["target=/v,tmpfs-mode=7", "cannot mix 'tmpfs-*' options with mount type 'volume'"],
    [
      "type=bind,target=/v,bind-recursive=some",
      'invalid value for bind-recursive: some (must be "enabled", "disabled", "writable", or "readonly")',
    ],
  ] as const) {
    test(`refuses ${text}`, () => assert.throws(() => parseMount(text), { kind: "invalid", message }));
  }
});
