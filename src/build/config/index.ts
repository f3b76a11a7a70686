export { editConfig, setsCommand } from "./edit_config.ts";
