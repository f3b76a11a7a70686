/** Requests that the daemon refuses, as dockerd refuses them: `test/fixtures/hostile/api_refusals.tsv`. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, suite, test } from "node:test";
import { apiMachine, type ApiMachine } from "../support/api_machine.ts";
import { cannotLive } from "../support/live_machine.ts";
import { ContainerFixture } from "../../src/runtime/container_fixture.ts";
import { scratch, unlessAll } from "../suites/scratch.ts";
import { dockerdSkip, startDockerd } from "../suites/dockerd.ts";

interface Row {
  /** As bytes. */
  readonly request: string;
  readonly title: string;
  readonly ours: Refusal;
  /** dockerd's of version 20.10: newer ones differ from it, and ours is the newest, but for texts of Go's own. */
  readonly theirs: Refusal;
}
type Refusal = readonly [status: string, message: string];

const rows: readonly Row[] = readFileSync(
  new URL("../fixtures/hostile/api_refusals.tsv", import.meta.url),
  "utf8",
)
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"))
  .map((line) => {
    const [what = "", body = "", type = "", status = "", message = "", otherStatus, otherMessage] =
      line.split("\t");
    const head = `Content-Type: ${type || "application/json"}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
    return {
      request: `${what} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${body === "" ? "" : head}\r\n${body}`,
      title: `${what} ${body}`,
      ours: [status, message],
      // A success has no message.
      theirs: [otherStatus || status, otherStatus?.startsWith("2") === true ? "" : otherMessage || message],
    };
  });

const expected = (whose: "ours" | "theirs"): string[] =>
  rows.map((row) => `${row.title} -> ${row[whose].join(" ")}`);

async function answersOf(socket: string): Promise<string[]> {
  const answers: string[] = [];
  for (const { request, title } of rows)
    answers.push(`${title} -> ${(await ask(socket, request)).join(" ")}`);
  return answers;
}

async function ask(path: string, request: string): Promise<Refusal> {
  const socket = connect({ path, allowHalfOpen: true });
  socket.write(request);
  const answer = await text(socket);
  const [, status = answer, body = ""] = /^HTTP\/1\.1 (\d+) .*?\r\n\r\n(.*)$/s.exec(answer) ?? [];
  return [status, status.startsWith("2") ? "" : shown(body)];
}

/** One line; IDs of containers differ. */
function shown(body: string): string {
  const [json] = /\{.*\}/s.exec(body) ?? [];
  const message = json === undefined ? body : (JSON.parse(json) as { readonly message: string }).message;
  return message
    .replace(/[0-9a-f]{64}/g, "ID")
    .replaceAll("\0", "\\0")
    .replace(/\r?\n/g, "\\n")
    .trim();
}

/** What the requests are about: a container that was made and one that runs. */
suite("refusals", { skip: cannotLive }, () => {
  let host: ApiMachine;
  before(async () => {
    host = await apiMachine("overlay2");
    await host.create({ Cmd: ["true"], HostConfig: { NetworkMode: "none" } }, "cc");
    await host.run("sleep 1000", {}, "rr");
  });
  after(async () => {
    await host.ask("/containers/rr?force=1", { method: "DELETE" });
    await host[Symbol.asyncDispose]();
  });

  test("B176 bad requests are refused with Docker's statuses and texts, and change nothing", async () => {
    const before = await everything();
    assert.deepEqual(await answersOf(host.socket), expected("ours"));
    assert.deepEqual(await everything(), before);
    assert.deepEqual(host.warnings, []);
  });

  const everything = () =>
    Promise.all(
      ["/containers/json?all=1", "/images/json", "/networks", "/volumes"].map(async (path) =>
        (await host.ask(path)).json<object[]>(),
      ),
    ).then((lists) => lists.map((list) => JSON.stringify(list).match(/"Id":"[^"]*"|"Mountpoint"/g)));
});

test("B176 dockerd refuses the same", { skip: unlessAll || dockerdSkip || cannotLive }, async () => {
  using directory = scratch("refusals");
  using base = await ContainerFixture.create();
  await using dockerd = await startDockerd(directory.path, "overlay2");
  const tar = join(directory.path, "base.tar");
  execFileSync("tar", ["-cf", tar, "-C", base.rootfs, "."]);
  dockerd.docker("import", tar, "base:1");
  dockerd.docker("create", "--name", "cc", "--network", "none", "base:1", "true");
  dockerd.docker("run", "-d", "--name", "rr", "--network", "none", "base:1", "sleep", "1000");
  try {
    assert.deepEqual(await answersOf(`${directory.path}/s`), expected("theirs"));
  } finally {
    dockerd.docker("rm", "-f", "rr");
  }
});
