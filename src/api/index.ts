export { serveDaemon, type RunningDaemon, type ServeDaemonOptions } from "./serve_daemon.ts";
export { runDaemon } from "./run_daemon.ts";
// What other servers beside the Engine API's have in common with it.
export {
  answerPing,
  endWebSocket,
  webSocketAccept,
  webSocketFrame,
  WebSocketReader,
  WebSocketStream,
} from "./http/index.ts";
export { closeServer, listen, parseHost } from "./listening/index.ts";
