import assert from "node:assert/strict";
import { test } from "node:test";
import { dockerfileAttributes } from "./dockerfile_attributes.ts";

test("attributes of the frontend are the options of a build", () => {
  assert.deepEqual(
    dockerfileAttributes({
      target: "t",
      "build-arg:A": "1",
      "build-arg:B": "",
      "label:l": "x=y",
      "no-cache": "One,two",
      platform: "linux/amd64,linux/arm64/v8",
      "add-hosts": "h=1.2.3.4,i=::1",
      "force-network-mode": "none",
      "image-resolve-mode": "pull",
      "shm-size": "64",
      ulimit: "nofile=1:2,core=0",
      memory: "1000",
      "cgroup-parent": "/a",
      "attest:provenance": "disabled=true",
      "frontend.caps": "moby.buildkit.frontend.contexts+forward",
      "other-key": "?",
    }),
    {
      target: "t",
      buildArgs: { A: "1", B: "" },
      labels: { l: "x=y" },
      noCache: ["one", "two"],
      platforms: [
        { os: "linux", architecture: "amd64" },
        { os: "linux", architecture: "arm64" },
      ],
      addHosts: [
        { name: "h", address: "1.2.3.4" },
        { name: "i", address: "::1" },
      ],
      network: "none",
      pull: true,
      stepLimits: {
        limits: { memory: 1000 },
        shmSize: 64,
        cgroupParent: "/a",
        ulimits: [
          { name: "nofile", soft: 1, hard: 2 },
          { name: "core", soft: 0, hard: 0 },
        ],
      },
    },
  );
  const { noCache, network, pull } = dockerfileAttributes({ "no-cache": "", "image-resolve-mode": "local" });
  assert.deepEqual([noCache, network, pull], [true, "default", false]);
});

test("what cannot be done is refused, not left out", () => {
  for (const [attributes, kind] of [
    [{ "attest:sbom": "generator=x" }, "unsupported"],
    [{ "attest:provenance": "mode=max" }, "unsupported"],
    [{ "frontend.caps": "moby.buildkit.frontend.other" }, "unsupported"],
    [{ "multi-platform": "true" }, "unsupported"],
    [{ "force-network-mode": "container:x" }, "invalid"],
    [{ "shm-size": "1g" }, "invalid"],
    [{ ulimit: "nofile" }, "invalid"],
    [{ "cgroup-parent": "/a/../../b" }, "invalid"],
    [{ "add-hosts": "h" }, "invalid"],
    [{ platform: "a/b/c/d" }, "invalid"],
  ] as const)
    assert.throws(() => dockerfileAttributes(attributes), { kind }, JSON.stringify(attributes));
});
