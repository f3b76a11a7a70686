export { arriveInNamespace, type Arrival } from "./arrive.ts";
export { enterNamespace } from "./enter.ts";
