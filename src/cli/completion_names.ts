/** Names that a completion offers: those that the command itself would find. */
import { enterNamespace, openEngine, type EngineOptions } from "../engine/index.ts";
import type { NetworkResource, Volume } from "../wire/index.ts";
import type { EngineClient } from "./engine_client/index.ts";
import type { CompletionKind } from "./kit/index.ts";

type Kind = Exclude<CompletionKind, "file" | "directory" | "none">;

/** Of the root itself. */
export async function namesOfRoot(kind: Kind, options: EngineOptions): Promise<readonly string[]> {
  await enterNamespace(options);
  const { images, containers, networks, volumes } = await openEngine(options);
  switch (kind) {
    case "image":
      return (await images.list()).flatMap(({ repoTags }) => repoTags);
    case "network":
      return (await networks.list()).map(({ Name }) => Name);
    case "volume":
      return (await volumes.list()).map(({ Name }) => Name);
    case "container":
    case "running":
    case "stopped":
      return (await containers.list({ all: true })).flatMap(({ name, status }) =>
        suits(kind, status) ? [name] : [],
      );
  }
}

/** Of a daemon. */
export async function namesOfDaemon(kind: Kind, client: EngineClient): Promise<readonly string[]> {
  switch (kind) {
    case "image": {
      const images = await client.json<{ readonly RepoTags: readonly string[] | null }[]>(
        "GET",
        "/images/json",
      );
      return images.flatMap(({ RepoTags }) => RepoTags ?? []);
    }
    case "network":
      return (await client.json<NetworkResource[]>("GET", "/networks")).map(({ Name }) => Name);
    case "volume": {
      const { Volumes } = await client.json<{ readonly Volumes: readonly Volume[] | null }>(
        "GET",
        "/volumes",
      );
      return (Volumes ?? []).map(({ Name }) => Name);
    }
    case "container":
    case "running":
    case "stopped": {
      const query = { all: true };
      const found = await client.json<Listed[]>("GET", "/containers/json", { query });
      return found.flatMap(({ Names, State }) =>
        suits(kind, State) ? Names.slice(0, 1).map((name) => name.slice(1)) : [],
      );
    }
  }
}

interface Listed {
  readonly Names: readonly string[];
  readonly State: string;
}

function suits(kind: "container" | "running" | "stopped", status: string): boolean {
  const runs = ["running", "paused", "restarting"].includes(status);
  return kind === "container" || runs === (kind === "running");
}
