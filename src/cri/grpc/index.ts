export * from "./grpc_server.ts";
export * from "./message.ts";
export { codes, GrpcError } from "./status.ts";
