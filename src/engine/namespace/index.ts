export { arriveInNamespace, type Arrival } from "./arrive.ts";
export { enterNamespace } from "./enter.ts";
export { mountFreeDriver } from "./mount_free_driver.ts";
