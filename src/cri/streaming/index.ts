export { serveStreams, type StreamOffers } from "./stream_server.ts";
