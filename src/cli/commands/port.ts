/** `varve port`. */
import { Failure } from "../../errors.ts";
import { command, result } from "../app.ts";
import { daemonOf } from "../daemon_client.ts";
import { pathOf } from "../engine_client/path_of.ts";

export const port = command({
  path: ["port"],
  aliases: [["container", "port"]],
  section: "Containers",
  usage: "CONTAINER [PRIVATE_PORT[/PROTO]]",
  summary: "List port mappings or a specific mapping for the container",
  examples: [{ text: "Where the container's port 80 is on this host", command: "varve port web 80" }],
  flags: {},
  args: { min: 1, max: 2, name: "CONTAINER" },
  complete: (position) => (position === 0 ? "running" : "none"),
  storeless: true,
  daemon: "asked",
  async run({ app, args: [container = "", wanted], signal }) {
    const client = await daemonOf(app);
    const { NetworkSettings } = await client.json<Inspected>("GET", pathOf`/containers/${container}/json`, {
      signal,
    });
    const ports = NetworkSettings.Ports ?? {};
    if (wanted !== undefined) {
      const bindings = ports[wanted.includes("/") ? wanted.toLowerCase() : `${wanted}/tcp`];
      if (!bindings || bindings.length === 0) {
        throw new Failure("not-found", `No public port '${wanted}' published for ${container}`);
      }
      return result(app, bindings, bindings.map(hostAddress));
    }
    const lines = Object.entries(ports).flatMap(([name, bindings]) =>
      (bindings ?? []).map((binding) => ({ name, text: `${name} -> ${hostAddress(binding)}` })),
    );
    lines.sort((a, b) => parseInt(a.name) - parseInt(b.name) || (a.text < b.text ? -1 : 1));
    result(
      app,
      ports,
      lines.map(({ text }) => text),
    );
  },
});

interface Binding {
  readonly HostIp: string;
  readonly HostPort: string;
}

interface Inspected {
  readonly NetworkSettings: { readonly Ports?: Readonly<Record<string, readonly Binding[] | null>> | null };
}

function hostAddress({ HostIp, HostPort }: Binding): string {
  return `${HostIp.includes(":") ? `[${HostIp}]` : HostIp}:${HostPort}`;
}
