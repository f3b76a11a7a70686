export { explainMiss } from "./explain_miss.ts";
export {
  readLastBuild,
  sameStep,
  writeLastBuild,
  type BuildName,
  type LastBuild,
  type RememberedStep,
} from "./last_build.ts";
export { stepFacts, type StepFacts, type StepParts } from "./step_facts.ts";
export { stepKey } from "./step_key.ts";
