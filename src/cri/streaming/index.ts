export { serveStreams, type StreamOffers, type StreamServer } from "./stream_server.ts";
