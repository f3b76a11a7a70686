/** The Engine API from a client's side: the daemon of varve, or Docker's. */
export { parseEngineAddress } from "./engine_address.ts";
export { EngineClient } from "./engine_client.ts";
export { brokenConnection } from "./broken_connection.ts";
export { demultiplex, copyRaw } from "./demultiplex.ts";
export { jsonLines } from "./json_lines.ts";
export { pathOf } from "./path_of.ts";
export { joinStreams } from "./stream_session.ts";
