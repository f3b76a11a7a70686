export { editConfig, setsCommand, type EditContext } from "./edit_config.ts";
