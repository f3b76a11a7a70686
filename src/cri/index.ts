export { runCri } from "./run_cri.ts";
export { runDaemonWithCri } from "./run_daemon_with_cri.ts";
export { serveCri, type RunningCri, type ServeCriOptions } from "./serve_cri.ts";
