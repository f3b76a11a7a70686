export { serveDaemon, type RunningDaemon, type ServeDaemonOptions } from "./serve_daemon.ts";
export { runDaemon } from "./run_daemon.ts";
