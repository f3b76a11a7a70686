/**
 * A machine for tests of networks: a network namespace that plays the host, others that play containers and the world. What
 * is made inside goes with them: no interface and no rule of the real host is touched.
 */
import { execFile, execFileSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Networking, openNetworking } from "../../src/network/index.ts";
import { createNetworkNamespace, inNetworkNamespace, removeNetworkNamespace } from "../../src/sys/index.ts";
import { declareCalls } from "../../src/sys/libc.ts";
import { scratch, unlessRoot } from "./scratch.ts";

const calls = declareCalls({ setns: ["int", "int", "int"] });
const CLONE_NEWNET = 0x40000000;
const run = promisify(execFile);
const busybox = "/bin/busybox";

export interface TestMachine extends AsyncDisposable {
  readonly path: string;
  /** How to open its networking, for other processes too. */
  readonly options: { readonly directory: string; readonly lock: string };
  readonly networking: Networking;
  /** A namespace file for a container. */
  container(name: string): string;
  /** The output of a program of busybox inside a namespace; "" if it fails. */
  inside(namespace: string, ...words: string[]): Promise<string>;
  /** A server inside a namespace, or on the host, that says `text` to whoever connects; until the machine ends. */
  serve(namespace: string | undefined, port: number, text: string): Promise<void>;
  /** What the server at an address says to the host; "" if there is none. */
  hear(host: string, port: number): Promise<string>;
  /** Another machine, reached by the host alone, which is 198.51.100.1 there; its address. */
  world(): Promise<{ readonly namespace: string; readonly address: string }>;
  /** All that could be left behind: interfaces of the host, rules with a container's marks, names. */
  traces(): string;
  /** Everything of the host's network: interfaces, addresses, rules; one a line. */
  inventory(): string[];
}

/** The reason to skip a test that needs bridge networks, or false. */
export const unlessBridges: string | false = unlessRoot || missing();

function missing(): string | false {
  if (!existsSync(busybox)) return "needs busybox-static";
  const folders = ["/usr/lib/podman", "/usr/libexec/podman"];
  for (const name of ["netavark", "aardvark-dns"])
    if (!folders.some((folder) => existsSync(join(folder, name)))) return `needs ${name}`;
  using directory = scratch("netns");
  const path = join(directory.path, "trial");
  try {
    createNetworkNamespace(path);
    inNetworkNamespace(path, () => {
      execFileSync("ip", ["link", "add", "name", "b", "type", "bridge"], { stdio: "ignore" });
      execFileSync("ip", ["link", "add", "name", "v", "type", "veth", "peer", "name", "w"], {
        stdio: "ignore",
      });
      execFileSync("iptables", ["-t", "nat", "-S"], { stdio: "ignore" });
    });
    return false;
  } catch (error) {
    return `needs ip, iptables, and a kernel with network namespaces, bridges and veth: ${(error as Error).message}`;
  } finally {
    removeNetworkNamespace(path);
  }
}

/** Brings the main thread into a host of its own until it is disposed: sockets and processes of the test are of that host. */
export async function testMachine(): Promise<TestMachine> {
  const directory = scratch("network");
  const home = openSync("/proc/thread-self/ns/net", "r");
  const spaces: string[] = [];
  const servers: Server[] = [];
  const space = (name: string): string => {
    const path = join(directory.path, name);
    createNetworkNamespace(path);
    spaces.push(path);
    return path;
  };
  enter(space("host"));
  const options = { directory: join(directory.path, "root"), lock: join(directory.path, "lock") };
  const networking = await openNetworking(options);
  const machine: Omit<TestMachine, keyof AsyncDisposable> = {
    path: directory.path,
    options,
    networking,
    container: space,
    inside: async (namespace, ...words) => {
      const output = inNetworkNamespace(namespace, () => run(busybox, words, { timeout: 20_000 }));
      return output.then(({ stdout }) => stdout).catch(() => "");
    },
    serve: async (namespace, port, text) => {
      const server = createServer((socket) => socket.on("error", () => undefined).end(text));
      servers.push(server);
      // Without a host the socket is made at once, inside.
      if (namespace === undefined) server.listen(port);
      else inNetworkNamespace(namespace, () => server.listen(port));
      if (!server.listening) await once(server, "listening");
    },
    hear,
    world: async () => {
      const namespace = space("world");
      execFileSync("ip", ["link", "add", "name", "out", "type", "veth", "peer", "name", "in"]);
      execFileSync("ip", ["link", "set", "dev", "in", "netns", namespace]);
      setUp("out", "198.51.100.1/24");
      inNetworkNamespace(namespace, () => setUp("in", "198.51.100.2/24"));
      return { namespace, address: "198.51.100.2" };
    },
    traces: () => traces(options.directory),
    inventory,
  };
  return {
    ...machine,
    [Symbol.asyncDispose]: async () => {
      for (const server of servers) server.close();
      endNames(options.directory);
      networking.namespaces.reconcile(() => false);
      leave(home);
      for (const path of spaces) removeNetworkNamespace(path);
      directory[Symbol.dispose]();
    },
  };
}

function setUp(device: string, address: string): void {
  execFileSync("ip", ["addr", "add", address, "dev", device]);
  execFileSync("ip", ["link", "set", "dev", device, "up"]);
}

function enter(path: string): void {
  const fd = openSync(path, "r");
  leave(fd);
}

function leave(fd: number): void {
  if (calls().setns(fd, CLONE_NEWNET) < 0) throw new Error("setns failed");
  closeSync(fd);
}

async function hear(host: string, port: number): Promise<string> {
  const socket = connect({ host, port, timeout: 5000 });
  socket.setEncoding("utf8").on("timeout", () => socket.destroy(new Error("timed out")));
  try {
    let text = "";
    for await (const chunk of socket) text += chunk as string;
    return text;
  } catch {
    return "";
  }
}

function endNames(directory: string): void {
  try {
    process.kill(
      Number(readFileSync(join(directory, "netavark/aardvark-dns/aardvark.pid"), "latin1")),
      "SIGKILL",
    );
  } catch {
    // None runs.
  }
}

const output = (command: string, ...words: string[]): string =>
  execFileSync(command, words, { encoding: "utf8" });

function inventory(): string[] {
  const lines = (text: string): string[] => text.split("\n").filter((line) => line !== "");
  const links = lines(output("ip", "-o", "link")).map((line) => `link ${line.split(/[:@]/)[1]?.trim()}`);
  const addresses = lines(output("ip", "-o", "addr", "show", "scope", "global")).map((line) => {
    const [, device, family, address] = line.split(/\s+/);
    return `address ${device} ${family} ${address}`;
  });
  const rules = ["iptables-save", "ip6tables-save"].flatMap((command) =>
    lines(output(command))
      .filter((line) => !line.startsWith("#"))
      .map((line) => `${command} ${line.replace(/ \[\d+:\d+\]$/, "")}`),
  );
  return [...links, ...addresses, ...rules].sort();
}

function traces(directory: string): string {
  mkdirSync(join(directory, "netavark/aardvark-dns"), { recursive: true });
  const veths = [...output("ip", "-o", "link").matchAll(/^\d+: (veth[^@:]*)/gm)].map(([, name]) => name);
  const rules = [output("iptables-save"), output("ip6tables-save")].flatMap((text) =>
    // Those of a container have a comment with its id, or a destination to which packets are sent on.
    text.split("\n").filter((line) => /dnat name:|--to-destination/.test(line)),
  );
  const names = output("find", join(directory, "netavark"), "-type", "f", "-name", "[0-9a-f]*");
  const kept = names.split("\n").filter((path) => /\/[0-9a-f]{64}$/.test(path));
  return [...veths, ...rules, ...kept].join("\n");
}
