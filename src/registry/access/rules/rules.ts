/**
 * The operator's rules. Their order does not matter: one may do what any rule allows and none denies. (Where the first
 * match wins, a rule for everybody above one for a team silently takes the team's rights away.)
 */
import type { Action, Identity, Scope } from "../types.ts";
import { matchesName, matchesRepository } from "./pattern.ts";

/** `catalog` is reading the list of all repositories. */
export type RuleAction = Action | "catalog";

export interface Rule {
  readonly effect: "allow" | "deny";
  /** Anybody, with or without a name. */
  readonly everyone: boolean;
  /** Patterns; `*` is anybody who has a name. */
  readonly users: readonly string[];
  readonly groups: readonly string[];
  readonly repositories: readonly string[];
  /** `*` is pull, push and delete. */
  readonly actions: readonly RuleAction[];
}

const repositoryActions = ["pull", "push", "delete"] as const;

export class Rules {
  readonly #rules: readonly Rule[];

  constructor(rules: readonly Rule[]) {
    this.#rules = rules;
  }

  /** Those of the scope's actions that the identity may do. A wanted `*` becomes what it may of everything. */
  allowed(identity: Identity, { type, name, actions }: Scope): Action[] {
    const here = this.#rules.filter((rule) => concerns(rule, identity));
    if (type === "registry") {
      const may = name === "catalog" && decides(here, "catalog");
      return may ? actions.filter((action) => action === "*") : [];
    }
    const rules = here.filter((rule) =>
      rule.repositories.some((pattern) => matchesRepository(pattern, name, identity.user)),
    );
    const may = repositoryActions.filter((action) => decides(rules, action));
    if (!actions.includes("*")) return actions.filter((action) => may.some((each) => each === action));
    return may.length === repositoryActions.length ? ["*"] : may;
  }

  /** Whether all that is needed is allowed. */
  permits(identity: Identity, needed: readonly Scope[]): boolean {
    return needed.every((scope) => {
      const allowed = this.allowed(identity, scope);
      return allowed.includes("*") || scope.actions.every((action) => allowed.includes(action));
    });
  }
}

/** Without rules: who has a name may do everything, others nothing, as in distribution. */
export const usualRules = new Rules([
  {
    effect: "allow",
    everyone: false,
    users: ["*"],
    groups: [],
    repositories: ["**"],
    actions: ["*", "catalog"],
  },
]);

function concerns(rule: Rule, { user, groups }: Identity): boolean {
  if (rule.everyone) return true;
  if (user !== undefined && rule.users.some((pattern) => matchesName(pattern, user))) return true;
  return rule.groups.some((pattern) => groups.some((group) => matchesName(pattern, group)));
}

function decides(rules: readonly Rule[], action: RuleAction): boolean {
  const about = rules.filter(
    (rule) => rule.actions.includes(action) || (action !== "catalog" && rule.actions.includes("*")),
  );
  return about.length > 0 && about.every(({ effect }) => effect === "allow");
}
