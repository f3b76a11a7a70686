/** The registry as a server with a configuration, and the commands beside it. */
export * as registryCommands from "./commands.ts";
export { readConfig, type ReadConfigOptions, type ServerConfig } from "./config/read_config.ts";
export { startServer, type RunningServer } from "./start_server.ts";
