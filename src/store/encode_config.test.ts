import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, type ImageConfig } from "../oci/index.ts";
import { encodeConfig } from "./encode_config.ts";

/** Written by dockerd 20.10.24 for `docker commit -m "m <x>"` of a container of a built image; its image ID below. */
const committed =
  '{"architecture":"amd64","config":{"Hostname":"843deac93370","Domainname":"","User":"","AttachStdin":false,"AttachStdout":true,"AttachStderr":true,"Tty":false,"OpenStdin":false,"StdinOnce":false,"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","A=\\u003cb\\u003e\\u0026c"],"Cmd":["sh"],"Image":"bb:built","Volumes":null,"WorkingDir":"","Entrypoint":null,"OnBuild":null,"Labels":{}},"container":"843deac933703878f85806a578d4e2951c57b75dd997893ebdd4bd35a303fbe8","container_config":{"Hostname":"843deac93370","Domainname":"","User":"","AttachStdin":false,"AttachStdout":true,"AttachStderr":true,"Tty":false,"OpenStdin":false,"StdinOnce":false,"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","A=\\u003cb\\u003e\\u0026c"],"Cmd":["sh"],"Image":"bb:built","Volumes":null,"WorkingDir":"","Entrypoint":null,"OnBuild":null,"Labels":{}},"created":"2026-11-22T02:30:41.043990533Z","docker_version":"20.10.24+dfsg1","history":[{"created":"2026-11-22T02:30:39.985458009Z","comment":"Imported from -"},{"created":"2026-11-22T02:30:40.386319927Z","created_by":"/bin/sh -c mkdir -p /data/x \\u0026\\u0026 echo \\"\\u003ca\\u003e\\u0026b\\" \\u003e /data/x/f"},{"created":"2026-11-22T02:30:40.446609822Z","created_by":"/bin/sh -c #(nop)  ENV A=\\u003cb\\u003e\\u0026c","empty_layer":true},{"created":"2026-11-22T02:30:40.547345549Z","created_by":"/bin/sh -c #(nop) COPY file:6e930a2e7ad02e7d69b383ca585092bc88419f5abe5dbd1b06e209e0f272fc97 in /data/ "},{"created":"2026-11-22T02:30:40.606335087Z","created_by":"/bin/sh -c #(nop)  CMD [\\"sh\\"]","empty_layer":true},{"created":"2026-11-22T02:30:41.043990533Z","created_by":"sh","comment":"m \\u003cx\\u003e","empty_layer":true}],"os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:0f8918d0fe4f272ce8acece89916a9ba0b240584d3c1dd1943f343f69b0d0ffb","sha256:26edb02af8cccd6f9b398bdea8d6e29f667ad93470860be0fdc50a4da319841a","sha256:24071b684d045ab3ab118b12ebb73e55fa7bdbb876807cf0b55d73a4dd8c0331"]}}';
const committedId = "sha256:1eefdf339e647d56cbab74f773f00d79a0b7ace104c72dc067ee4475565ae34d";

/** The same value with the keys of every object turned round. */
function reversed(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(reversed);
  const entries = Object.entries(value).reverse();
  return Object.fromEntries(entries.map(([key, item]) => [key, reversed(item)]));
}

test("B132 a config has Docker's bytes, and so Docker's image ID, in whatever order its keys were set", () => {
  const config = reversed(JSON.parse(committed)) as ImageConfig;
  const encoded = encodeConfig(config);
  assert.equal(Buffer.from(encoded).toString(), committed);
  assert.equal(digestOf(encoded), committedId);
});

test("maps are sorted by bytes, also keys that look like numbers; unknown fields follow the known", () => {
  const config: ImageConfig = {
    os: "linux",
    architecture: "amd64",
    rootfs: { diff_ids: [], type: "layers" },
    "os.version": "1",
    config: {
      Zeta: 1,
      Alpha: { b: 1, a: 2 },
      Labels: { b: "1", "9": "x", "10": "y", B: "2" },
      Volumes: { "/b": {}, "/a": {} },
      ExposedPorts: { "80/tcp": {}, "443/tcp": {} },
      Healthcheck: { Retries: 3, Test: ["CMD", "x"], Interval: 5 },
    },
  };
  assert.equal(
    Buffer.from(encodeConfig(config)).toString(),
    '{"architecture":"amd64","config":{"ExposedPorts":{"443/tcp":{},"80/tcp":{}},' +
      '"Healthcheck":{"Test":["CMD","x"],"Interval":5,"Retries":3},"Volumes":{"/a":{},"/b":{}},' +
      '"Labels":{"10":"y","9":"x","B":"2","b":"1"},"Alpha":{"b":1,"a":2},"Zeta":1},' +
      '"os":"linux","os.version":"1","rootfs":{"type":"layers","diff_ids":[]}}',
  );
});

test("null stays null and what is absent stays absent", () => {
  const config: ImageConfig = {
    os: "linux",
    architecture: "arm64",
    rootfs: { type: "layers" },
    config: null,
  };
  assert.equal(
    Buffer.from(encodeConfig({ ...config, history: null })).toString(),
    '{"architecture":"arm64","config":null,"history":null,"os":"linux","rootfs":{"type":"layers"}}',
  );
});
