import { execFileSync } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { createServer as createWebServer } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import type { Surroundings } from "./build_flags.ts";

/** Files that the web server has, all of one time. */
const served: Readonly<Record<string, string>> = {
  "/plain.txt": "served\n",
  "/dir/other": "other\n",
};

/** A web server with two files and a git repository with two branches, and an agent's socket. */
export async function startSurroundings(directory: string): Promise<Surroundings & AsyncDisposable> {
  const web = join(directory, "web");
  fs.mkdirSync(web, { recursive: true });
  makeRepository(directory, join(web, "repo.git"));
  const server = createWebServer(({ url = "" }, response) => {
    const path = (url.split("?")[0] ?? "").replace(/\.\./g, "");
    const file = join(web, path);
    const content =
      served[path] ?? (fs.existsSync(file) && fs.statSync(file).isFile() ? fs.readFileSync(file) : undefined);
    response.writeHead(content === undefined ? 404 : 200, {
      "Last-Modified": "Sun, 09 Sep 2001 01:46:40 GMT",
    });
    response.end(content);
  }).listen(0, "127.0.0.1");
  const agent = createServer((socket) => socket.end()).listen(join(directory, "agent"));
  await Promise.all([once(server, "listening"), once(agent, "listening")]);
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    server: address,
    git: `http://${address}/repo.git`,
    agent: join(directory, "agent"),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      const closed = [server, agent].map((each) => once(each, "close"));
      server.close();
      agent.close();
      await Promise.all(closed);
    },
  };
}

/** For git's plain protocol, which is files and no more. */
function makeRepository(directory: string, bare: string): void {
  const work = join(directory, "work");
  fs.mkdirSync(join(work, "sub"), { recursive: true });
  const environment = { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null" };
  const who = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"];
  const git = (...args: string[]): void =>
    void execFileSync("git", [...who, ...args], { cwd: work, env: environment, stdio: "ignore" });
  git("init");
  fs.writeFileSync(join(work, "README"), "main\n");
  fs.writeFileSync(join(work, "sub/file"), "file\n");
  git("add", ".");
  git("commit", "-m", "first");
  git("checkout", "-b", "other");
  fs.writeFileSync(join(work, "README"), "other\n");
  git("commit", "-am", "second");
  git("checkout", "main");
  git("clone", "--bare", ".", bare);
  execFileSync("git", ["update-server-info"], { cwd: bare, env: environment });
}
