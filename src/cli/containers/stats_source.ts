/** The newest measurements of containers, kept up to date by a stream for each. */
import { isFailure } from "../../errors.ts";
import { jsonLines, pathOf, type EngineClient } from "../engine_client/index.ts";
import type { ContainerStats, Measured } from "./stats_row.ts";

interface Watched extends Measured {
  stats: ContainerStats | undefined;
}

interface Listed {
  readonly Id: string;
  readonly Names: readonly string[];
}

interface Started {
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
}

/** To be asked for its rows whenever it says that something has changed. */
export class StatsSource {
  readonly #client: EngineClient;
  readonly #signal: AbortSignal;
  readonly #changed: () => void;
  readonly #watched = new Map<string, Watched>();
  readonly #streams = new Set<Promise<void>>();

  constructor(client: EngineClient, changed: () => void, signal: AbortSignal) {
    this.#client = client;
    this.#changed = changed;
    this.#signal = signal;
  }

  get rows(): readonly (Measured & { readonly stats: ContainerStats | undefined })[] {
    return [...this.#watched.values()];
  }

  /** One measurement of each; a container that is not there fails as the daemon says. */
  async once(containers: readonly Measured[]): Promise<void> {
    await Promise.all(
      containers.map(async (container) => {
        const watched = this.#add(container);
        await this.#follow(watched, false);
      }),
    );
  }

  /** Until the signal aborts, or all of these have been removed. */
  async follow(containers: readonly Measured[]): Promise<void> {
    await Promise.all(containers.map((container) => this.#follow(this.#add(container), true)));
  }

  /** As {@link follow}, with what starts later; those that end are shown only with `all`. Until the signal aborts. */
  async followAll(all: boolean): Promise<void> {
    const filters = JSON.stringify({ type: ["container"], event: ["create", "start", "die", "destroy"] });
    const events = await this.#client.stream("GET", "/events", {
      query: { filters },
      signal: this.#signal,
    });
    for (const container of await listed(this.#client, all, this.#signal)) this.#begin(container);
    for await (const { Action, Actor } of jsonLines<Started>(events)) {
      const name = Actor.Attributes["name"] ?? "";
      if (Action === "start" || (all && Action === "create")) {
        this.#begin({ id: Actor.ID, name, given: Actor.ID.slice(0, 12) });
      } else if (Action === "destroy" || !all) this.#watched.delete(Actor.ID);
      this.#changed();
    }
  }

  #begin(container: Measured): void {
    if (this.#watched.has(container.id)) return;
    const stream = this.#follow(this.#add(container), true).catch(() => undefined);
    this.#streams.add(stream);
    void stream.then(() => this.#streams.delete(stream));
  }

  #add(container: Measured): Watched {
    const watched = { ...container, stats: undefined };
    this.#watched.set(container.id, watched);
    return watched;
  }

  async #follow(watched: Watched, stream: boolean): Promise<void> {
    try {
      const answers = await this.#client.stream("GET", pathOf`/containers/${watched.id}/stats`, {
        query: { stream },
        signal: this.#signal,
      });
      for await (const stats of jsonLines<ContainerStats>(answers)) {
        // Of one that has ended all numbers are zero, and the limit is absent.
        watched.stats = stats.memory_stats.limit === undefined && stream ? undefined : stats;
        this.#changed();
      }
    } catch (error) {
      // Gone meanwhile.
      if (!stream || !isFailure(error, "not-found")) throw error;
    }
    if (stream) this.#watched.delete(watched.id);
  }
}

/** Those that run, or `all`. */
export async function listed(client: EngineClient, all: boolean, signal: AbortSignal): Promise<Measured[]> {
  const found = await client.json<readonly Listed[]>("GET", "/containers/json", { query: { all }, signal });
  return found.map(({ Id, Names }) => ({
    id: Id,
    name: (Names[0] ?? "").replace(/^\//, ""),
    given: Id.slice(0, 12),
  }));
}

/** Those that the user names. Throws `Failure("not-found")`. */
export function named(
  client: EngineClient,
  names: readonly string[],
  signal: AbortSignal,
): Promise<Measured[]> {
  return Promise.all(
    names.map(async (given) => {
      const { Id, Name } = await client.json<{ readonly Id: string; readonly Name: string }>(
        "GET",
        pathOf`/containers/${given}/json`,
        { signal },
      );
      return { id: Id, name: Name.replace(/^\//, ""), given };
    }),
  );
}
