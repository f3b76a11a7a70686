/** Commands that work on a root themselves, and a daemon that the user names. */
import { readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../errors.ts";

export interface NamedDaemon {
  /** As `--host` takes it. */
  readonly url: string;
  /** A root that the user has named as well. */
  readonly root: string | undefined;
  /** What is to be done, for messages: `images`. */
  readonly command: string;
}

interface Info {
  readonly ID: string;
  readonly DockerRootDir: string;
}

/**
 * The root of a daemon of varve's on this machine. One of another machine, or of Docker, keeps its root to itself: then
 * doing the work on a root here would be a surprise.
 * @throws Failure("unsupported") for such a one; "conflict" when it serves another root than the one that is named;
 *   "unavailable" when it does not answer
 */
export async function rootOfDaemon({ url, root, command }: NamedDaemon): Promise<string> {
  const { EngineClient, parseEngineAddress } = await import("./engine_client/index.ts");
  const client = await EngineClient.connect(parseEngineAddress(url, process.env));
  const [version, info] = await Promise.all([
    client.json<{ readonly Platform?: { readonly Name?: string } }>("GET", "/version"),
    client.json<Info>("GET", "/info"),
  ]);
  const hint = `Use 'docker -H ${url} ${command}', or name a root with --root and no daemon.`;
  if (version.Platform?.Name !== "varve")
    throw new Failure(
      "unsupported",
      `${command} works on varve's own root: the daemon at ${url} is Docker's`,
      {
        hint,
      },
    );
  const { ID, DockerRootDir } = info;
  if (idOf(DockerRootDir) !== ID)
    throw new Failure(
      "unsupported",
      `${command} works on the root itself: ${DockerRootDir} of the daemon at ${url} is out of reach here`,
      { hint },
    );
  if (root !== undefined && realPath(root) !== realPath(DockerRootDir)) {
    throw new Failure("conflict", `the daemon at ${url} serves ${DockerRootDir}, not ${root}`, {
      hint: "Name one of them only: the daemon with --host, or the root with --root.",
    });
  }
  return DockerRootDir;
}

/** Of the engine that has the root; undefined where there is none to be read. */
function idOf(root: string): string | undefined {
  try {
    return readFileSync(join(root, "engine-id"), "utf8").trim();
  } catch {
    return undefined;
  }
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
