/**
 * One history of a registry: instances that die and come again, clients that push, mount, pull, move and delete tags,
 * garbage collections that overlap, on a storage as unkind as it may be. All of it follows from a seed.
 */
import { digestOf } from "../../../src/oci/index.ts";
import { isFailure } from "../../../src/errors.ts";
import type { BlobGuard } from "../../../src/registry/gc/blob_guard.ts";
import { collectGarbage } from "../../../src/registry/gc/collect_garbage.ts";
import { day, hour, type GcClock } from "../../../src/registry/gc/gc_clock.ts";
import { retention } from "../../../src/registry/gc/retention/retention.ts";
import type { StorageDriver } from "../../../src/registry/storage/types.ts";
import { SimulatedClient } from "./simulated_client.ts";
import { SimulatedRegistry } from "./simulated_registry.ts";
import { SimulatedStorage, type Faults, type Process } from "./simulated_storage.ts";
import { SimulatedTime, randomOf, type Random } from "./simulated_time.ts";

export interface SimulationOptions {
  /** For showing that the simulation would notice: requests that do without some part of the protocol. */
  readonly guardOf?: (storage: StorageDriver, clock: GcClock) => BlobGuard;
}

export interface Simulation {
  /** What must not be; empty if all is well. */
  readonly violations: readonly string[];
  /** How often one of the tasks went on before another. */
  readonly steps: number;
  readonly crashes: number;
  readonly pushes: number;
  readonly pulls: number;
  readonly collections: number;
}

const grace = 20 * 60_000;
const trash = 6 * hour;
const uploads = 12 * hour;
const collection = { grace, trash, uploads };
/** Tags that retention takes. */
const rules = [{ repositories: ["**"], keep: { last: 0 }, tags: ["t*"] }];

export async function simulateRegistry(seed: number, options: SimulationOptions = {}): Promise<Simulation> {
  const history = new History(seed, options);
  await history.unfold();
  await history.judge();
  return history.result();
}

class History {
  readonly #random: Random;
  readonly #time = new SimulatedTime(Date.parse("2026-11-28T00:00:00Z"));
  readonly #faults: Faults;
  readonly #storage: SimulatedStorage;
  readonly #options: SimulationOptions;
  readonly #untagged: boolean;
  readonly #violations: string[] = [];
  readonly #clients: SimulatedClient[];
  readonly #instances: Process[] = [];
  #ids = 0;
  #steps = 0;
  #crashes = 0;
  #collections = 0;

  constructor(seed: number, options: SimulationOptions) {
    this.#random = randomOf(seed);
    this.#options = options;
    this.#untagged = this.#random() < 0.7;
    this.#faults = {
      failing: this.#random() < 0.4 ? 0.004 : 0,
      lag: this.#random() < 0.3 ? 300_000 : 0,
      atomicMoves: this.#random() < 0.3,
      slow: true,
    };
    this.#storage = new SimulatedStorage(this.#time, this.#random, this.#faults);
    const strict = this.#faults.lag === 0;
    this.#clients = [0, 1, 2].map((number) => new SimulatedClient(number, this.#random, grace, strict));
  }

  async unfold(): Promise<void> {
    for (let number = 0; number < 2; number++) this.#instances.push({ alive: true });
    for (const client of this.#clients) this.#begin(() => this.#useRegistry(client));
    this.#begin(() => this.#collect(2));
    this.#begin(() => this.#collect(2));
    this.#begin(() => this.#crash());
    this.#steps = await this.#time.run();
  }

  /** All is quiet: is all there that was promised, and goes all that nothing leads to? */
  async judge(): Promise<void> {
    this.#faults.slow = false;
    (this.#faults as { failing: number }).failing = 0;
    await this.#pass(this.#faults.lag);
    const registry = this.#registryOf({ alive: true }, 0);
    await this.#check(registry, "after the last request");
    // The way to the deadline is long, so not every history goes it.
    const toTheEnd = this.#random() < 0.25;
    for (const wait of toTheEnd ? [0, ...Array<number>(4).fill(2 * grace), day] : [2 * grace]) {
      await this.#pass(wait);
      await this.#collectOnce({ alive: true }, 0, true);
      await this.#pass(this.#faults.lag);
    }
    await this.#check(registry, "after the last collection");
    if (toTheEnd) await this.#judgeRest(registry);
  }

  async #judgeRest(registry: SimulatedRegistry): Promise<void> {
    const wanted = new Set<string>();
    for (const client of this.#clients) await client.addReachable(registry, this.#untagged, wanted);
    const extra = this.#storage.files().filter((path) => !wanted.has(path));
    const forgotten = this.#untagged ? extra : extra.filter((path) => path.startsWith("varve/"));
    for (const path of forgotten) this.#violations.push(`unreachable beyond the deadline: ${path}`);
  }

  result(): Simulation {
    const sum = (of: (client: SimulatedClient) => number) =>
      this.#clients.reduce((total, client) => total + of(client), 0);
    return {
      violations: [...this.#clients.flatMap((client) => client.violations), ...this.#violations],
      steps: this.#steps,
      crashes: this.#crashes,
      pushes: sum((client) => client.pushes),
      pulls: sum((client) => client.pulls),
      collections: this.#collections,
    };
  }

  #begin(task: () => Promise<void>): void {
    task().catch((error: unknown) => this.#violations.push(`a task failed: ${String(error)}`));
  }

  /** Each turn of a client is a task of its own on some instance; one that dies with its instance leaves a doubt. */
  async #useRegistry(client: SimulatedClient): Promise<void> {
    for (let turn = 0; turn < 4; turn++) {
      await this.#think(this.#random() < 0.8 ? grace : 3 * grace);
      const process = this.#anyInstance();
      const registry = this.#registryOf(process, this.#random());
      await this.#orDeath(
        process,
        client.act(registry, (longest) => this.#think(longest, process)),
      );
    }
  }

  async #collect(times: number): Promise<void> {
    for (let turn = 0; turn < times; turn++) {
      await this.#think(2 * grace);
      const process = this.#anyInstance();
      await this.#orDeath(process, this.#collectOnce(process, this.#random()));
    }
  }

  async #collectOnce(process: Process, skew: number, retaining = this.#random() < 0.5): Promise<void> {
    const clock = this.#clockOf(skew);
    const storage = this.#storage.driver(process);
    try {
      if (retaining) {
        for await (const _ of retention(storage, rules, { grace, clock, apply: true }));
      }
      for await (const _ of collectGarbage(storage, { ...collection, untagged: this.#untagged, clock }));
      this.#collections += 1;
    } catch (error) {
      if (!isFailure(error, "unavailable"))
        this.#violations.push(`garbage collection failed: ${String(error)}`);
    }
  }

  async #crash(): Promise<void> {
    for (let turn = 0; turn < 3; turn++) {
      await this.#think(4 * grace);
      if (this.#random() < 0.5) continue;
      const at = this.#random() < 0.5 ? 0 : 1;
      this.#instances[at]!.alive = false;
      this.#instances[at] = { alive: true };
      this.#crashes += 1;
    }
  }

  async #orDeath(process: Process, work: Promise<void>): Promise<void> {
    const state = { over: false };
    void work.finally(() => (state.over = true));
    while (!state.over && process.alive) await this.#time.wait(60_000 + this.#random() * 60_000, () => true);
  }

  #think(longest: number, process: Process = { alive: true }): Promise<void> {
    return this.#time.wait(this.#random() * longest, () => process.alive);
  }

  async #pass(milliseconds: number): Promise<void> {
    void this.#time.wait(milliseconds, () => true);
    await this.#time.run();
  }

  #anyInstance(): Process {
    return this.#instances[this.#random() < 0.5 ? 0 : 1] as Process;
  }

  #registryOf(process: Process, skew: number): SimulatedRegistry {
    const storage = this.#storage.driver(process);
    const clock = this.#clockOf(skew);
    return new SimulatedRegistry(storage, clock, this.#options.guardOf?.(storage, clock));
  }

  /** Clocks differ by up to four minutes. */
  #clockOf(skew: number): GcClock {
    const newId = () => digestOf(String(this.#ids++)).slice(7, 15);
    return { now: () => Math.round(this.#time.now + (skew - 0.5) * 240_000), newId };
  }

  async #check(registry: SimulatedRegistry, when: string): Promise<void> {
    for (const client of this.#clients) await client.check(registry, this.#untagged, when);
  }
}
