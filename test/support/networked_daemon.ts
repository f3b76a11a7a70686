/** A daemon on a machine of its own, in a network namespace: its bridges, ports and names are that machine's. */
import { readdirSync, readFileSync } from "node:fs";
import { testMachine, unlessBridges, type TestMachine } from "../suites/network_fixture.ts";
import { apiMachine, type ApiMachine } from "./api_machine.ts";
import { cannotLive } from "./live_machine.ts";

/** Why containers cannot be connected here, or false. */
export const cannotConnect: string | false = unlessBridges || cannotLive;

export interface NetworkedDaemon extends AsyncDisposable {
  readonly machine: TestMachine;
  readonly host: ApiMachine;
  /** A program of busybox inside a container that runs; its output. */
  inside(container: string, ...words: string[]): Promise<string>;
  inspect(container: string): Promise<Inspected>;
  /** What the published port says, as soon as somebody listens behind it. */
  hear(port: number): Promise<string>;
  /** Interfaces, rules, name servers, namespaces; "" when nothing is left of any container. */
  leftovers(): string;
}

export interface Inspected {
  readonly State: { readonly Error: string; readonly Status: string };
  readonly HostsPath: string;
  readonly ResolvConfPath: string;
  readonly NetworkSettings: {
    readonly SandboxKey: string;
    readonly IPAddress: string;
    readonly Ports: Readonly<Record<string, readonly { HostIp: string; HostPort: string }[] | null>>;
    readonly Networks: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  };
}

export async function networkedDaemon(): Promise<NetworkedDaemon> {
  await using undo = new AsyncDisposableStack();
  const machine = undo.use(await testMachine());
  const host = undo.use(await apiMachine("overlay2"));
  undo.defer(() => removeAll(host));
  const inspect = async (id: string): Promise<Inspected> =>
    (await host.expect(200, "GET", `/containers/${id}/json`)).json();
  const held = undo.move();
  return {
    machine,
    host,
    inspect,
    inside: async (id, ...words) => machine.inside((await inspect(id)).NetworkSettings.SandboxKey, ...words),
    hear: async (port) => {
      for (;;) {
        const text = await machine.hear("127.0.0.1", port);
        if (text !== "") return text;
      }
    },
    leftovers: () => [machine.traces(), ...namespaces(host.root), ...servers(host.root)].join("\n"),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

async function removeAll(host: ApiMachine): Promise<void> {
  const filters = encodeURIComponent('{"status":["created","running","exited","paused"]}');
  const found = await host.expect(200, "GET", `/containers/json?all=1&filters=${filters}`);
  for (const { Id } of found.json<{ Id: string }[]>())
    await host.ask(`/containers/${Id}?force=1`, { method: "DELETE" });
}

function namespaces(root: string): string[] {
  try {
    return readdirSync(`${root}/varve/network/namespaces`);
  } catch {
    return [];
  }
}

/** aardvark-dns has the root's path among its words. */
function servers(root: string): string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return (
        /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(`${root}/varve/network`)
      );
    } catch {
      return false;
    }
  });
}
