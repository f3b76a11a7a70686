/** Reads `auth.rules`. */
import { Failure } from "../../../errors.ts";
import type { ConfigFields } from "../config_fields.ts";
import { Rules, type Rule, type RuleAction } from "./rules.ts";

const ruleKeys = ["effect", "everyone", "users", "groups", "repositories", "actions"] as const;
const ruleActions: readonly RuleAction[] = ["pull", "push", "delete", "*", "catalog"];

export interface ParsedRules {
  readonly rules: Rules;
  /** Whether one of them lets somebody in without a name. */
  readonly openToAnonymous: boolean;
}

/**
 * Undefined: there are none.
 * @throws Failure "invalid" that names the rule, also for one that can never apply: that is always a mistake
 */
export function parseRules(auth: ConfigFields): ParsedRules | undefined {
  if (!auth.has("rules")) return undefined;
  const rules = auth.sections("rules", ruleKeys).map(parseRule);
  const openToAnonymous = rules.some(({ everyone, effect }) => everyone && effect === "allow");
  return { rules: new Rules(rules), openToAnonymous };
}

function parseRule(fields: ConfigFields): Rule {
  const rule: Rule = {
    effect: fields.oneOf("effect", ["allow", "deny"], "allow"),
    everyone: fields.flag("everyone"),
    users: fields.texts("users"),
    groups: fields.texts("groups"),
    repositories: fields.texts("repositories"),
    actions: fields.texts("actions").map((action) => actionOf(fields, action)),
  };
  const { everyone, users, groups, repositories, actions } = rule;
  if (!everyone && users.length === 0 && groups.length === 0)
    throw new Failure("invalid", `${fields.path}: concerns nobody`, {
      hint: "give it users, groups or everyone: true",
    });
  if (actions.length === 0) throw new Failure("invalid", `${fields.path}.actions: is missing`);
  if (repositories.length === 0 && actions.some((action) => action !== "catalog"))
    throw new Failure("invalid", `${fields.path}.repositories: is missing`, { hint: '"**" is all of them' });
  const strange = repositories.find((pattern) => !/^[a-z0-9._/*-]+$/.test(pattern.replaceAll("${user}", "")));
  if (strange !== undefined && strange !== "${user}")
    throw new Failure("invalid", `${fields.path}.repositories: no repository can fit "${strange}"`);
  return rule;
}

function actionOf(fields: ConfigFields, text: string): RuleAction {
  const found = ruleActions.find((action) => action === text);
  if (found === undefined)
    throw new Failure(
      "invalid",
      `${fields.path}.actions: unknown action "${text}" (known: ${ruleActions.join(", ")})`,
    );
  return found;
}
