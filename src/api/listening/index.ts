export { activatedSockets, forgetActivation } from "./activated_sockets.ts";
export { closeServer } from "./close_server.ts";
export { listen, listenOn, type ListenSettings } from "./listen.ts";
export { parseHost, type Host } from "./parse_host.ts";
export { writePidfile } from "./pidfile.ts";
export { readTls, type TlsFiles } from "./read_tls.ts";
