export { shellOf } from "./shell_of.ts";
export { editConfig, setsCommand } from "./edit_config.ts";
