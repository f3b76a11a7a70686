/** `varve cp`: files between a container and this machine. */
import { pipeline } from "node:stream/promises";
import { Failure } from "../../errors.ts";
import { command, type App } from "../app.ts";

export const cp = command({
  path: ["cp"],
  aliases: [["container", "cp"]],
  section: "Containers",
  daemon: "same",
  usage: "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n\tvarve cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
  summary: "Copy files/folders between a container and the local filesystem",
  details:
    "The container need not run. '-' as the source reads a tar archive from standard input and unpacks it to a " +
    "directory of the container; '-' as the destination writes a tar archive of the source to standard output.",
  examples: [
    { text: "A file out of a container that ended", command: "varve cp web:/var/log/app.log ." },
    { text: "A directory's content into a container", command: "varve cp ./config/. web:/etc/app" },
  ],
  flags: {
    archive: { kind: "boolean", short: "a", help: "Archive mode (copy all uid/gid information)" },
    "follow-link": { kind: "boolean", short: "L", help: "Always follow symbol link in SRC_PATH" },
    quiet: { kind: "boolean", short: "q", help: "Suppress progress output (there is none)" },
  },
  args: { min: 2, max: 2 },
  complete: "container",
  async run({ app, flags, args, signal }) {
    const [source = "", target = ""] = args;
    const [from, to] = [splitPath(source), splitPath(target)];
    const options = { signal, archive: flags.archive, followLink: flags["follow-link"] };
    const { containers } = await app.engine();
    if (from.container !== undefined && to.container !== undefined) {
      throw new Failure("invalid", "copying between containers is not supported");
    }
    if (from.container !== undefined) {
      if (target === "-") return toStdout(app, from.container, from.path, signal);
      return containers.copyOut(from.container, from.path, target, options);
    }
    if (to.container === undefined)
      throw new Failure("invalid", "must specify at least one container source");
    if (source === "-") return containers.writeArchive(to.container, to.path, app.stdin, { signal });
    return containers.copyIn(source, to.container, to.path, options);
  },
});

/** `name:path`; what begins with `/` or `.` is a local path even with a colon (docker/cli, `splitCpArg`). */
function splitPath(argument: string): { readonly container?: string; readonly path: string } {
  const colon = argument.indexOf(":");
  if (colon < 0 || argument.startsWith("/") || argument.startsWith(".")) return { path: argument };
  return { container: argument.slice(0, colon), path: argument.slice(colon + 1) || "/" };
}

async function toStdout(app: App, container: string, path: string, signal: AbortSignal): Promise<void> {
  const { tar } = await (await app.engine()).containers.readArchive(container, path, { signal });
  await pipeline(tar, app.stdout, { signal, end: false });
}
