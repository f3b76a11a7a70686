/** Our registry's access with clients as people have them: they log in, push, pull, and are refused. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { composeAccess, createRegistry, memoryStorage } from "../../src/registry/index.ts";
import { dockerdSkip, startDockerd } from "../suites/dockerd.ts";
import { scratch, unlessRoot } from "../suites/scratch.ts";
import { startContainerd } from "./registry_strangers.ts";
import { program, unless, type Outcome, type Program } from "./support.ts";

/** bcrypt of "secret". */
const hash = "$2y$05$z6svPfy.SWgXRnnClm49O.sT8kSpPOmsktWyCNpIV2N2VO9V0HcX6";

const rules = [
  { everyone: true, repositories: "public/**", actions: "pull" },
  { users: "jo", repositories: ["public/**", "jo/**"], actions: ["pull", "push"] },
  { users: "al", repositories: "jo/shared", actions: "pull" },
];

/** `basic`: a password with each request. `token`: tokens that we give out. */
const ways = {
  basic: { rules: rules.slice(1) },
  token: { rules, issuer: { service: "reg.example" } },
};

interface Serving extends AsyncDisposable {
  readonly address: string;
  /** `METHOD path scheme status`, oldest first. */
  readonly log: string[];
}

async function serve(directory: string, way: keyof typeof ways): Promise<Serving> {
  const path = join(directory, "htpasswd");
  writeFileSync(path, `jo:${hash}\nal:${hash}\n`);
  const access = await composeAccess({ htpasswd: { realm: "test", path }, ...ways[way] });
  const registry = createRegistry({ storage: memoryStorage(), access: access.controller });
  const log: string[] = [];
  const server = createServer(async (request, response) => {
    const scheme = (request.headers.authorization ?? "-").split(" ")[0];
    const [target = ""] = (request.url ?? "").split("?");
    response.once("finish", () => log.push(`${request.method} ${target} ${scheme} ${response.statusCode}`));
    if (!(await access.answer(request, response))) await registry.handle(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const dispose = async () => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await access[Symbol.asyncDispose]();
  };
  return { address: `127.0.0.1:${port}`, log, [Symbol.asyncDispose]: dispose };
}

/** An OCI layout with one small image, `t`. */
function writeLayout(directory: string): void {
  const path = join(directory, "layout");
  const blobs = join(path, "blobs/sha256");
  const describe = (mediaType: string, content: Buffer | string) => {
    const hex = createHash("sha256").update(content).digest("hex");
    writeFileSync(join(blobs, hex), content);
    return { mediaType, digest: `sha256:${hex}`, size: content.length };
  };
  mkdirSync(blobs, { recursive: true });
  const tar = Buffer.alloc(1024);
  const layer = describe("application/vnd.oci.image.layer.v1.tar", tar);
  const rootfs = { type: "layers", diff_ids: [layer.digest] };
  const config = describe(
    "application/vnd.oci.image.config.v1+json",
    JSON.stringify({ architecture: "amd64", os: "linux", config: {}, rootfs }),
  );
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = describe(
    mediaType,
    JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [layer] }),
  );
  const named = { ...manifest, annotations: { "org.opencontainers.image.ref.name": "t" } };
  writeFileSync(join(path, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(join(path, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [named] }));
}

/** How a client that is no daemon is called; `reference` is `127.0.0.1:port/name:tag`. */
interface Client {
  push(reference: string): string[][];
  pull(reference: string): string[][];
}

function clients(directory: string, authfile: string): Record<"skopeo" | "podman" | "buildah", Client> {
  writeLayout(directory);
  // podman takes the path for a name, in which no capital letters may be.
  const layout = "oci:layout:t";
  const own = ["--authfile", authfile, "--tls-verify=false"];
  const copy = ["copy", "--authfile", authfile, "--src-tls-verify=false", "--dest-tls-verify=false"];
  const roots = [
    "--root",
    join(directory, "s"),
    "--runroot",
    join(directory, "r"),
    "--storage-driver",
    "vfs",
  ];
  const tag = "localhost/given:1";
  const stored = (...always: string[]): Client => ({
    push: (reference) => [
      [...roots, "pull", "-q", ...own, layout],
      [...roots, "tag", imageId(directory), tag],
      [...roots, "push", "-q", ...own, tag, `docker://${reference}`],
    ],
    pull: (reference) => [[...roots, "pull", "-q", ...always, ...own, reference]],
  });
  return {
    skopeo: {
      push: (reference) => [[...copy, layout, `docker://${reference}`]],
      pull: (reference) => [[...copy, `docker://${reference}`, `oci:out:t`]],
    },
    podman: stored(),
    // What it has already, buildah does not look for by itself.
    buildah: stored("--policy", "always"),
  };
}

function imageId(directory: string): string {
  const at = (digest: string): string => join(directory, "layout/blobs/sha256", digest.slice(7));
  const read = (path: string) => JSON.parse(readFileSync(path, "utf8")) as Record<string, never>;
  const { manifests } = read(join(directory, "layout/index.json")) as unknown as {
    manifests: { digest: string }[];
  };
  const { config } = read(at(manifests[0]!.digest)) as unknown as { config: { digest: string } };
  return config.digest.slice(7);
}

type Runner = (args: readonly string[], input: string) => Promise<Outcome>;

const within =
  (cwd: string, run: Program): Runner =>
  (args, input) =>
    run.run(args, { input, cwd });

async function succeed(run: Runner, steps: readonly string[][], input = ""): Promise<void> {
  for (const args of steps) {
    const { code, stderr } = await run(args, input);
    assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
  }
}

/** All steps but the last succeed. */
async function refused(run: Runner, steps: readonly string[][], says: RegExp, input = ""): Promise<void> {
  await succeed(run, steps.slice(0, -1));
  const { code, stderr, stdout } = await run(steps.at(-1)!, input);
  assert.notEqual(code, 0, steps.at(-1)!.join(" "));
  assert.match(`${stdout}${stderr}`, says);
}

for (const way of ["basic", "token"] as const) {
  for (const name of ["skopeo", "podman", "buildah"] as const) {
    test(`B170 B171 ${name} with ${way}`, { skip: unlessRoot || unless(name) }, async () => {
      using dir = scratch("access");
      await using registry = await serve(dir.path, way);
      const { address } = registry;
      const authfile = join(dir.path, "auth.json");
      const client = clients(dir.path, authfile)[name];
      const run = within(dir.path, program(name));
      const login = (user: string) => [
        ["login", "--authfile", authfile, "--tls-verify=false", "-u", user, "--password-stdin", address],
      ];
      const denied = /denied|unauthorized|authentication required|403 \(Forbidden\)/;
      writeFileSync(authfile, "{}");
      await refused(run, client.push(`${address}/jo/app:1`), denied);
      await refused(run, login("jo"), /invalid username\/password/, "wrong");
      await succeed(run, login("jo"), "secret");
      for (const repository of ["jo/app", "jo/shared", "public/app"])
        await succeed(run, client.push(`${address}/${repository}:1`));
      await succeed(run, client.pull(`${address}/jo/app:1`));
      await refused(run, client.push(`${address}/al/app:1`), denied);
      await succeed(run, login("al"), "secret");
      await succeed(run, client.pull(`${address}/jo/shared:1`));
      await refused(run, client.pull(`${address}/jo/app:1`), denied);
      await refused(run, client.push(`${address}/jo/shared:1`), denied);
      writeFileSync(authfile, "{}");
      if (way === "token") await succeed(run, client.pull(`${address}/public/app:1`));
      await refused(run, client.pull(`${address}/jo/app:1`), denied);
      assert.ok(registry.log.some((line) => line.startsWith("HEAD") || line.startsWith("GET /v2/jo/")));
    });
  }

  test(`B170 B171 docker with ${way}`, { skip: dockerdSkip }, async () => {
    using dir = scratch("access");
    await using registry = await serve(dir.path, way);
    await using stack = new AsyncDisposableStack();
    stack.use(await startDockerd(dir.path, "vfs"));
    const { address } = registry;
    const config = join(dir.path, "docker");
    const daemon = ["docker", "-H", `unix://${dir.path}/s`];
    const docker = within(dir.path, program("env", `DOCKER_CONFIG=${config}`, ...daemon));
    const login = (user: string) => [["login", "-u", user, "--password-stdin", address]];
    const push = (repository: string) => [
      ["tag", "given", `${address}/${repository}:1`],
      ["push", `${address}/${repository}:1`],
    ];
    const pull = (repository: string) => [
      ["rmi", "-f", `${address}/${repository}:1`],
      ["pull", `${address}/${repository}:1`],
    ];
    const denied =
      /denied: requested access to the resource is denied|no basic auth credentials|unauthorized/;
    writeFileSync(join(dir.path, "empty.tar"), Buffer.alloc(1024));
    await succeed(docker, [["import", join(dir.path, "empty.tar"), "given"]]);
    await refused(docker, push("jo/app"), denied);
    const wrong = way === "basic" ? /401 Unauthorized/ : /unauthorized: incorrect username or password/;
    await refused(docker, login("jo"), wrong, "wrong");
    await succeed(docker, login("jo"), "secret");
    assert.equal(
      readFileSync(join(config, "config.json"), "utf8").includes("identitytoken"),
      way === "token",
    );
    for (const repository of ["jo/app", "jo/shared", "public/app"]) await succeed(docker, push(repository));
    await succeed(docker, pull("jo/app"));
    await refused(docker, push("al/app"), denied);
    await succeed(docker, login("al"), "secret");
    await succeed(docker, pull("jo/shared"));
    await refused(docker, pull("jo/app"), denied);
    await succeed(docker, [["logout", address]]);
    if (way === "token") await succeed(docker, pull("public/app"));
    await refused(docker, pull("jo/shared"), denied);
  });
}

for (const way of ["basic", "token"] as const) {
  test(
    `B170 B171 ctr with ${way}`,
    { skip: unlessRoot || unless("containerd", "ctr", "skopeo") },
    async () => {
      using dir = scratch("access");
      await using registry = await serve(dir.path, way);
      await using containerd = await startContainerd(dir.path);
      const ctr = within(dir.path, program("ctr", "-a", containerd.socket, "images"));
      writeLayout(dir.path);
      await succeed(within(dir.path, program("skopeo")), [
        ["copy", "oci:layout:t", "oci-archive:given.tar:localhost/given:1"],
      ]);
      await succeed(ctr, [["import", "--snapshotter", "native", "given.tar"]]);
      const given = "localhost/given:1";
      const name = (repository: string) => `${registry.address}/${repository}:1`;
      const push = (repository: string, ...user: string[]) => [
        ["push", "--plain-http", ...user, name(repository), given],
      ];
      const pull = (repository: string, ...user: string[]) => [
        ["pull", "--plain-http", "--snapshotter", "native", ...user, name(repository)],
      ];
      const [jo, al] = ["jo", "al"].map((user) => ["--user", `${user}:secret`]) as [string[], string[]];
      const denied = /denied|401|403|authorization failed|unauthorized/i;
      await refused(ctr, push("jo/app"), denied);
      await refused(ctr, push("jo/app", "--user", "jo:wrong"), denied);
      for (const repository of ["jo/app", "jo/shared", "public/app"])
        await succeed(ctr, push(repository, ...jo));
      await refused(ctr, push("al/app", ...jo), denied);
      await succeed(ctr, pull("jo/shared", ...al));
      await refused(ctr, pull("jo/app", ...al), denied);
      if (way === "token") await succeed(ctr, pull("public/app"));
      await refused(ctr, pull("jo/app"), denied);
    },
  );
}
