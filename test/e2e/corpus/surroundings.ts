import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { createServer as createWebServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
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
  const server = createWebServer((request, response) => {
    const [path = "", query = ""] = (request.url ?? "").split("?");
    if (path.startsWith("/repo.git/")) return void answerAsGit(web, path, query, request, response);
    const content = served[path];
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

/** By way of `git http-backend`, a CGI program. */
async function answerAsGit(
  web: string,
  path: string,
  query: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const backend = spawn("git", ["http-backend"], {
    stdio: ["pipe", "pipe", "ignore"],
    env: {
      ...process.env,
      GIT_PROJECT_ROOT: web,
      GIT_HTTP_EXPORT_ALL: "1",
      PATH_INFO: path,
      QUERY_STRING: query,
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers["content-type"] ?? "",
      HTTP_CONTENT_ENCODING: request.headers["content-encoding"] ?? "",
      GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
    },
  });
  request.pipe(backend.stdin);
  const answer = await buffer(backend.stdout);
  const end = answer.indexOf("\r\n\r\n");
  const headers = answer
    .subarray(0, end)
    .toString()
    .split("\r\n")
    .map((line) => line.split(": "));
  const status = headers.find(([name]) => name === "Status")?.[1] ?? "200";
  const rest = headers.filter(([name]) => name !== "Status");
  response.writeHead(Number.parseInt(status), Object.fromEntries(rest) as Record<string, string>);
  response.end(answer.subarray(end + 4));
}

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
}
