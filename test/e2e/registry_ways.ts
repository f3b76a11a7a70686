/** `varve registry serve` in the ways that people run it: plain, with passwords, with tokens of its own, with TLS. */
import assert from "node:assert/strict";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { overlaySkip } from "../suites/overlay_skip.ts";
import { unlessRoot } from "../suites/scratch.ts";
import { bundle, unless } from "./support.ts";

/** A registry that runs, as a client sees it. */
export interface Place extends AsyncDisposable {
  /** What stands before the repository in a reference. */
  readonly address: string;
  /** Whether it speaks TLS, with a certificate that must be verified: its authority is in `/etc/docker/certs.d`. */
  readonly tls: boolean;
  /** Who may pull and push, if not everybody. */
  readonly user: { readonly name: string; readonly password: string } | undefined;
  /** Goes before each client's command: where the registry can be reached. */
  readonly within: readonly string[];
}

/** bcrypt of "secret". */
const hash = "$2y$05$z6svPfy.SWgXRnnClm49O.sT8kSpPOmsktWyCNpIV2N2VO9V0HcX6";
const user = { name: "jo", password: "secret" };

export interface Serving extends AsyncDisposable {
  /** `host:port`. */
  readonly address: string;
}

/**
 * Starts `varve registry serve`.
 * @param directory for its configuration
 * @param lines of the configuration, below its version
 * @param options.within goes before the command
 * @throws Error with its last words if it does not come up
 */
export async function serveVarve(
  directory: string,
  lines: readonly string[],
  { within = [] as readonly string[], addr = "127.0.0.1:0" } = {},
): Promise<Serving> {
  const config = join(directory, "config.yml");
  writeFileSync(config, ["version: 0.1", ...lines, ""].join("\n"));
  const command = [...within, process.execPath, bundle, "registry", "serve", "--addr", addr, config];
  const child = spawn(command[0] as string, command.slice(1), { stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(child, "close");
  const said: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => said.push(line));
  const listening = Promise.withResolvers<string>();
  createInterface({ input: child.stdout }).on("line", (line) => {
    const address = /^listening on https?:\/\/(.*)$/.exec(line)?.[1];
    if (address !== undefined) listening.resolve(address);
  });
  void ended.then(() => listening.reject(new Error(`the registry ended: ${said.slice(-5).join("\n")}`)));
  return { address: await listening.promise, [Symbol.asyncDispose]: () => end(child, ended) };
}

const below = (data: string): string[] => ["storage:", `  filesystem: {rootdirectory: ${data}}`];

async function end(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.kill();
  await ended;
}

function passwords(directory: string): string[] {
  const path = join(directory, "htpasswd");
  writeFileSync(path, `${user.name}:${hash}\n`);
  return ["auth:", `  htpasswd: {realm: test, path: ${path}}`];
}

const onLoopback = (serving: Serving, who: Place["user"]): Place => ({
  address: serving.address,
  tls: false,
  user: who,
  within: [],
  [Symbol.asyncDispose]: () => serving[Symbol.asyncDispose](),
});

/**
 * A network with this address only, and an `/etc` whose changes nobody else sees. Docker's clients do not verify
 * certificates of loopback addresses, and have one fixed directory for authorities: elsewhere than in such a place
 * their TLS cannot be tried without a change to the machine.
 */
interface Island extends AsyncDisposable {
  readonly address: string;
  readonly within: readonly string[];
}

export const islandSkip: string | false =
  unlessRoot || overlaySkip || unless("unshare", "nsenter", "ip", "openssl");

async function makeIsland(directory: string): Promise<Island> {
  const layers = join(directory, "etc");
  mkdirSync(layers);
  const address = "192.0.2.1";
  const steps = [
    "ip link set lo up",
    `ip addr add ${address}/32 dev lo`,
    'mount -t tmpfs none "$0"',
    'mkdir "$0/u" "$0/w"',
    'mount -t overlay -o "lowerdir=/etc,upperdir=$0/u,workdir=$0/w" none /etc',
    "echo there",
    // Ends with the test, whatever becomes of it.
    "exec cat",
  ];
  const flags = ["--net", "--mount", "--propagation", "private", "sh", "-c", steps.join(" && ")];
  const holder = spawn("unshare", [...flags, layers], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(holder, "close");
  const [line] = (await Promise.race([once(createInterface({ input: holder.stdout }), "line"), ended])) as [
    unknown,
  ];
  assert.equal(line, "there");
  return {
    address,
    within: ["nsenter", "--target", String(holder.pid), "--net", "--mount"],
    [Symbol.asyncDispose]: () => end(holder, ended),
  };
}

/** An authority, and a certificate of its for an address. */
function certify(directory: string, address: string) {
  const at = (name: string): string => join(directory, name);
  const openssl = (...args: string[]) => execFileSync("openssl", args, { stdio: "pipe" });
  const fresh = [
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-days",
    "9",
  ];
  openssl(...fresh, "-subj", "/CN=authority", "-keyout", at("ca.key"), "-out", at("ca.crt"));
  const signed = [
    "-CA",
    at("ca.crt"),
    "-CAkey",
    at("ca.key"),
    "-addext",
    "basicConstraints=critical,CA:FALSE",
  ];
  const named = ["-subj", "/CN=registry", "-addext", `subjectAltName=IP:${address}`];
  openssl(...fresh, ...signed, ...named, "-keyout", at("tls.key"), "-out", at("tls.crt"));
  return { authority: at("ca.crt"), certificate: at("tls.crt"), key: at("tls.key") };
}

/** Each takes a directory for its files, and the root of the tree to serve. */
export const ways = {
  plain: async (directory: string, data: string) =>
    onLoopback(await serveVarve(directory, below(data)), undefined),
  htpasswd: async (directory: string, data: string) =>
    onLoopback(await serveVarve(directory, [...below(data), ...passwords(directory)]), user),
  token: async (directory: string, data: string) => {
    const rules = [
      "  rules:",
      `    - {users: ${user.name}, repositories: "**", actions: [pull, push]}`,
      "  issuer: {service: reg.example}",
    ];
    return onLoopback(await serveVarve(directory, [...below(data), ...passwords(directory), ...rules]), user);
  },
  tls: async (directory: string, data: string): Promise<Place> => {
    await using stack = new AsyncDisposableStack();
    const { address, within } = stack.use(await makeIsland(directory));
    const { authority, certificate, key } = certify(directory, address);
    const [first, ...rest] = within as [string, ...string[]];
    const trusted = `/etc/docker/certs.d/${address}`;
    execFileSync(first, [...rest, "mkdir", "-p", trusted]);
    execFileSync(first, [...rest, "cp", authority, `${trusted}/ca.crt`]);
    const tls = ["http:", `  tls: {certificate: ${certificate}, key: ${key}}`];
    stack.use(await serveVarve(directory, [...below(data), ...tls], { within, addr: `${address}:443` }));
    const kept = stack.move();
    return { address, tls: true, user: undefined, within, [Symbol.asyncDispose]: () => kept.disposeAsync() };
  },
};

export type Way = keyof typeof ways;
