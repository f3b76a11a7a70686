/** Keeps the chains of {@link firewallRules} in the kernel. */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { isFailure } from "../errors.ts";
import type { BridgeTools } from "./bridge_tools.ts";
import {
  type Family,
  type FirewallRules,
  firewallRules,
  jumpsTo,
  type RuleChains,
  ruleChains,
} from "./firewall_rules.ts";
import type { NetworkRecords } from "./network_state.ts";

type FirewallRecords = Pick<NetworkRecords, "networks" | "endpoints" | "chained" | "entered">;

const families = [4, 6] as const;

export class Firewall {
  readonly #tools: BridgeTools;
  readonly #chains: RuleChains;

  constructor(tools: BridgeTools) {
    this.#tools = tools;
    this.#chains = ruleChains(createHash("sha256").update(tools.directory).digest("hex").slice(0, 8));
  }

  /** Notes which chains {@link apply} will need, so that a kill leaves nothing that is not on record. */
  announce(records: FirewallRecords): void {
    const needed = families.filter(
      (family) => !records.chained.includes(family) && this.#hasRules(records, family),
    );
    records.chained.push(...needed);
  }

  /**
   * Makes the rules what the records ask for, in one call of iptables-restore for a family, all of a table at once.
   * @param records announced, and saved; `entered` is brought up to date @throws Failure("unavailable" | "internal")
   */
  async apply(records: FirewallRecords): Promise<void> {
    for (const family of records.chained) {
      const rules = firewallRules(records, this.#chains, family);
      if (records.entered.includes(family) && (await this.#replace(family, rules))) continue;
      records.entered = records.entered.filter((other) => other !== family);
      await this.#restore(family, await this.#jumps(family), rules);
      records.entered.push(family);
    }
  }

  /** @returns false: somebody has removed what leads to the chains */
  async #replace(family: Family, rules: FirewallRules): Promise<boolean> {
    const { nat, filter } = jumpsTo(this.#chains, family);
    const jumps = { nat: nat.flatMap(renewed), filter: filter.flatMap(renewed) };
    return this.#restore(family, jumps, rules).then(
      () => true,
      (error: unknown) => {
        if (isFailure(error, "internal")) return false;
        throw error;
      },
    );
  }

  async #jumps(family: Family): Promise<FirewallRules> {
    const saved = new Set((await this.#tools.iptablesSave(family)).split("\n"));
    const { nat, filter } = jumpsTo(this.#chains, family);
    const made = (jump: string): string[] => (saved.has(`-A ${jump}`) ? renewed(jump) : [`-I ${jump}`]);
    return { nat: nat.flatMap(made), filter: filter.flatMap(made) };
  }

  #hasRules(records: FirewallRecords, family: Family): boolean {
    const { nat, filter } = firewallRules(records, this.#chains, family);
    return nat.length + filter.length > 0;
  }

  /** From a file, so that the program's words tell whose it is; see `endOrphans`. */
  async #restore(family: Family, jumps: FirewallRules, rules: FirewallRules): Promise<void> {
    const { ports, sources, forward, input } = this.#chains;
    const lines = [
      ...tableText("nat", [ports, sources], [...jumps.nat, ...rules.nat]),
      ...tableText("filter", [forward, input], [...jumps.filter, ...rules.filter]),
    ];
    const path = join(this.#tools.directory, `rules.${family}`);
    writeFileSync(path, `${lines.join("\n")}\n`, { mode: 0o600 });
    await this.#tools.iptablesRestore(family, path);
  }
}

/** First again: netavark puts its own jumps ahead. */
function renewed(jump: string): string[] {
  return [`-D ${jump}`, `-I ${jump}`];
}

/** What was in the chains goes, what is in others stays. */
function tableText(table: string, chains: readonly string[], lines: readonly string[]): string[] {
  return [`*${table}`, ...chains.map((chain) => `:${chain} - [0:0]`), ...lines, "COMMIT"];
}
