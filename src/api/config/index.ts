export { readDaemonJson, type DaemonJson } from "./read_daemon_json.ts";
export { daemonSettings, logDrivers } from "./daemon_settings.ts";
export { directives, isDirective, type Directive, type Directives } from "./directives.ts";
export { proxyEnvironment } from "./proxy_environment.ts";
export { withDaemonDefaults } from "./with_daemon_defaults.ts";
