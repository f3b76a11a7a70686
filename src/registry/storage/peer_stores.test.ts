/** `docker-registry` 2.8 and varve on one Swift container, and on one S3 bucket. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { scratch, type Scratch } from "../../../test/suites/scratch.ts";
import { startSwift, swiftSkip, type SwiftServer } from "../../../test/suites/swift_server.ts";
import { createRegistry } from "../create_registry.ts";
import { openStorage, type StorageConfig } from "./open_storage.ts";

const skip = swiftSkip || (existsSync("/usr/bin/docker-registry") ? false : "needs docker-registry");
const secret = "shared by all";
const digestOf = (content: Uint8Array) => `sha256:${createHash("sha256").update(content).digest("hex")}`;
type Bytes = Uint8Array<ArrayBuffer>;

interface Peer extends AsyncDisposable {
  readonly origin: string;
}

async function startTheirs(directory: string, { name, parameters }: StorageConfig): Promise<Peer> {
  const config = join(directory, `${name}.json`);
  const log = { level: "warn", accesslog: { disabled: true } };
  // JSON is YAML.
  const http = { addr: "127.0.0.1:0", secret };
  const storage = { [name]: parameters, redirect: { disable: true }, delete: { enabled: true } };
  writeFileSync(config, JSON.stringify({ version: 0.1, log: { ...log, level: "info" }, http, storage }));
  // Amazon's library reads more of the environment than the test gives it.
  const env = { PATH: process.env["PATH"] ?? "" };
  const child = spawn("docker-registry", ["serve", config], { env, stdio: ["ignore", "ignore", "pipe"] });
  const ended = once(child, "exit");
  const listening = Promise.withResolvers<string>();
  const said: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => {
    said.push(line);
    const address = /listening on (127\.0\.0\.1:\d+)/.exec(line)?.[1];
    if (address !== undefined) listening.resolve(`http://${address}`);
  });
  void ended.then(() =>
    listening.reject(new Error(said.find((line) => /panic|error/.test(line)) ?? "docker-registry ended")),
  );
  const origin = await listening.promise;
  return { origin, [Symbol.asyncDispose]: async () => (child.kill(), void (await ended)) };
}

async function startOurs(config: StorageConfig): Promise<Peer> {
  const registry = createRegistry({
    storage: await openStorage(config),
    uploadSecret: secret,
    redirect: false,
  });
  const server: Server = createServer((request, response) => void registry.handle(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await registry.close();
    },
  };
}

/** Pushes a blob; the chunks go to the servers in turn. */
async function push(peers: readonly Peer[], chunks: readonly Bytes[]): Promise<string> {
  const at = (turn: number, location: string) => {
    const { pathname, search } = new URL(location, "http://x");
    return (peers[turn % peers.length] as Peer).origin + pathname + search;
  };
  const begun = await fetch(at(0, "/v2/team/app/blobs/uploads/"), { method: "POST" });
  assert.deepEqual([begun.status, await begun.text()], [202, ""]);
  let location = begun.headers.get("location") as string;
  let size = 0;
  for (const [index, chunk] of chunks.entries()) {
    const headers = {
      "Content-Type": "application/octet-stream",
      "Content-Range": `${size}-${size + chunk.length - 1}`,
    };
    const answer = await fetch(at(index + 1, location), { method: "PATCH", headers, body: chunk });
    assert.deepEqual([answer.status, await answer.text()], [202, ""], `chunk ${index}`);
    size += chunk.length;
    location = answer.headers.get("location") as string;
  }
  const digest = digestOf(Buffer.concat(chunks));
  const last = new URL(at(chunks.length + 1, location));
  last.searchParams.set("digest", digest);
  const done = await fetch(last, { method: "PUT" });
  assert.deepEqual([done.status, await done.text()], [201, ""]);
  return digest;
}

async function check(peers: readonly Peer[], digest: string): Promise<void> {
  for (const { origin } of peers) {
    const answer = await fetch(`${origin}/v2/team/app/blobs/${digest}`);
    assert.equal(digestOf(Buffer.from(await answer.arrayBuffer())), digest, origin);
  }
}

describe("B175 docker-registry and varve on one object store", { skip }, () => {
  let swift: SwiftServer;
  let place: Scratch;
  before(async () => {
    place = scratch("peer-stores");
    swift = await startSwift(place.path);
  });
  after(async () => {
    await swift[Symbol.asyncDispose]();
    place[Symbol.dispose]();
  });
  const swiftConfig = (container: string): StorageConfig => {
    const login = { authurl: `${swift.origin}/auth/v1.0`, username: "test:tester", password: "testing" };
    return { name: "swift", parameters: { ...login, container, prefix: "reg", chunksize: 1 << 20 } };
  };
  const s3Config = async (): Promise<StorageConfig> => {
    for (const container of ["s3-images", "s3-images+segments"]) {
      const maker = await openStorage(swiftConfig(container));
      await maker.stat("x");
      await maker.close?.();
    }
    const keys = { accesskey: "test:tester", secretkey: "testing", region: "us-east-1", bucket: "s3-images" };
    return {
      name: "s3",
      parameters: { ...keys, regionendpoint: swift.origin, secure: false, chunksize: 5 << 20 },
    };
  };
  const content = randomBytes((6 << 20) + 77) as Bytes;
  const chunks = [content.subarray(0, 5), content.subarray(5, 3_000_000), content.subarray(3_000_000)];

  for (const name of ["swift", "s3"] as const) {
    test(`${name}: each serves what the other wrote`, async () => {
      const config = name === "swift" ? swiftConfig("images") : await s3Config();
      await using theirs = await startTheirs(place.path, config);
      await using ours = await startOurs(config);
      await check([ours, theirs], await push([theirs], chunks));
      const other = [Buffer.from("ours "), ...chunks] as Bytes[];
      await check([theirs, ours], await push([ours], other));
    });

    test(`B161 ${name}: an upload goes to and fro between them`, async () => {
      const config = name === "swift" ? swiftConfig("uploads") : await s3Config();
      await using theirs = await startTheirs(place.path, config);
      await using ours = await startOurs(config);
      await check([ours, theirs], await push([theirs, ours], [Buffer.from("to ") as Bytes, ...chunks]));
      await check([ours, theirs], await push([ours, theirs], [Buffer.from("fro ") as Bytes, ...chunks]));
    });
  }
});
