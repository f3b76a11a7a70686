/** Programs of others that speak to Docker, unmodified, in front of varve's daemon: dockerode, testcontainers, docker-py. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { suite, test, type TestContext } from "node:test";
import { unlessBridges } from "../suites/network_fixture.ts";
import { scratch, unlessAll } from "../suites/scratch.ts";
import { privateHost, type PrivateHost } from "./private_host.ts";
import { bundle, runSkip, unless } from "./support.ts";

const skip = unlessAll || runSkip || unlessBridges || unless("docker", "nsenter", "curl", "npm");

/** Those of which it is known that they work; no part of the project's own dependencies. */
const dockerode = "dockerode@5.0.1";
const testcontainers = "testcontainers@12.2.0";

const flow = (name: string): string => join(import.meta.dirname, "clients", name);

/** Gets packages from the registry. Skips the test where it cannot be reached. */
function install(context: TestContext, folder: string, ...packages: string[]): boolean {
  try {
    const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=0", "--prefix", folder];
    execFileSync("npm", ["install", ...flags, ...packages], { stdio: "pipe", timeout: 120_000 });
    return true;
  } catch (error) {
    context.skip(`npm cannot install ${packages.join(" ")}: ${(error as Error).message.slice(0, 200)}`);
    return false;
  }
}

/** Asserts that a program went through all it wanted to, and that nothing is left. */
async function through(host: PrivateHost, line: string, flows: number): Promise<void> {
  const { code, stdout, stderr } = await host.sh(line);
  assert.equal(code, 0, `${stdout}${stderr}\n${host.said.slice(-20).join("\n")}`);
  assert.equal(stdout.trimEnd().split("\n").length, flows, stdout);
  const { stdout: left } = await host.sh("docker ps -q");
  assert.equal(left, "");
}

suite("client libraries", { skip, timeout: 300_000 }, () => {
  test("B178 dockerode", async (context) => {
    using folder = scratch("npm");
    if (!install(context, folder.path, dockerode)) return;
    await using host = await privateHost("varve");
    const registry = "127.0.0.1:5000";
    const serving = [process.execPath, bundle, "registry", "serve", "--addr", registry, "--root", "registry"];
    await host.serve(serving, /listening on/);
    const program = `${process.execPath} ${flow("dockerode_flow.ts")}`;
    await through(host, `${program} ${folder.path} ${registry}`, 7);
  });

  test("testcontainers", async (context) => {
    using folder = scratch("npm");
    if (!install(context, folder.path, testcontainers)) return;
    await using host = await privateHost("varve");
    await host.sh("docker import base.tar base:1");
    // Its helper that removes what a dead program has left is an image of a registry that cannot be reached from here.
    const program = `TESTCONTAINERS_RYUK_DISABLED=true ${process.execPath} ${flow("testcontainers_flow.ts")}`;
    await through(host, `${program} ${folder.path}`, 5);
  });

  test("docker-py", async (context) => {
    await using host = await privateHost("varve");
    const python = "/usr/bin/python3";
    const { code } = await host.sh(`${python} -c 'import docker'`);
    if (code !== 0) return context.skip("docker-py is not installed");
    await through(host, `${python} ${flow("docker_py_flow.py")}`, 5);
  });
});
