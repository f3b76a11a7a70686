/**
 * A swarm of this one node, for clients that ask whether there is one: it can be begun, looked at and left. It runs no
 * services and nobody can join it. Its state is ROOT/varve/swarm.json; dockerd's own (ROOT/swarm) is another thing.
 */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../../errors.ts";
import { writeAtomically } from "../../store/index.ts";
import { goTime } from "../time.ts";

/** The Engine API's `SwarmSpec`, as the client gave it. */
export type SwarmSpec = Readonly<Record<string, unknown>>;

export interface SwarmState {
  readonly id: string;
  /** Counts updates; an update names the one that it saw. */
  readonly version: number;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly spec: SwarmSpec;
  readonly dataPathPort: number;
  readonly addressPools: readonly string[];
  /** Length of the networks' prefix. */
  readonly subnetSize: number;
  readonly tokens: { readonly worker: string; readonly manager: string };
  readonly node: {
    readonly id: string;
    readonly version: number;
    readonly updatedAt: string;
    /** `192.0.2.1:2377`. */
    readonly address: string;
    readonly availability: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly name?: string;
  };
}

type Begun = Pick<SwarmState, "spec" | "dataPathPort" | "addressPools" | "subnetSize"> & {
  readonly address: string;
  readonly availability: string;
};

export class Swarm {
  readonly #path: string;
  #state: SwarmState | undefined;

  /** @throws Failure("corrupt") for a state that cannot be read */
  constructor(root: string) {
    this.#path = join(root, "varve", "swarm.json");
    if (!existsSync(this.#path)) return;
    try {
      this.#state = JSON.parse(readFileSync(this.#path, "utf8")) as SwarmState;
    } catch (cause) {
      const hint = "Remove it: nothing but the swarm's name and tokens is in it.";
      throw new Failure("corrupt", `read ${this.#path}: ${(cause as Error).message}`, { cause, hint });
    }
  }

  /** Undefined: this node is in none. */
  get state(): SwarmState | undefined {
    return this.#state;
  }

  async begin({ address, availability, ...parts }: Begun): Promise<SwarmState> {
    const now = goTime(Date.now());
    const authority = base36(50);
    return this.#keep({
      ...parts,
      id: base36(25),
      version: 10,
      createdAt: now,
      updatedAt: now,
      tokens: { worker: newToken(authority), manager: newToken(authority) },
      node: { id: base36(25), version: 9, updatedAt: now, address, availability, labels: {} },
    });
  }

  /** @param rotate tokens that are to be others from now on */
  async change(state: SwarmState, rotate: readonly ("worker" | "manager")[] = []): Promise<SwarmState> {
    const renewed = rotate.map((which) => [which, renewedToken(state.tokens[which])]);
    return this.#keep({ ...state, tokens: { ...state.tokens, ...(Object.fromEntries(renewed) as object) } });
  }

  async #keep(state: SwarmState): Promise<SwarmState> {
    await writeAtomically(this.#path, `${JSON.stringify(state)}\n`, 0o600);
    this.#state = state;
    return state;
  }

  leave(): void {
    rmSync(this.#path, { force: true });
    this.#state = undefined;
  }
}

/** Another one for the same swarm. */
function renewedToken(token: string): string {
  return newToken(token.split("-")[2] ?? "");
}

const newToken = (authority: string): string => `SWMTKN-1-${authority}-${base36(25)}`;

/** As swarmkit's identifiers are (identity/doc.go). */
function base36(length: number): string {
  const number = BigInt(`0x${randomBytes(length).toString("hex")}`);
  return number.toString(36).padStart(length, "0").slice(-length);
}
