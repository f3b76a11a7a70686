/** The rules of a configuration, as retention takes them. */
import type { RetentionRule } from "../../gc/retention/retention_rule.ts";
import type { RetentionKeys } from "../config/maintenance_keys.ts";

export function retentionRules({ rules }: RetentionKeys): readonly RetentionRule[] {
  return rules.map(({ repositories, tags, keep }) => {
    const { last, youngerthan, pulledwithin, tags: kept, inindex } = keep ?? { tags: [] };
    return {
      repositories,
      ...(tags.length > 0 && { tags }),
      keep: {
        ...(last !== undefined && { last }),
        ...(youngerthan !== undefined && { youngerThan: youngerthan }),
        ...(pulledwithin !== undefined && { pulledWithin: pulledwithin }),
        tags: kept,
        ...(inindex === true && { inIndex: true }),
      },
    };
  });
}
