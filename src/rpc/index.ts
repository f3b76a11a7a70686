export { GrpcClient, type CallOptions, type GrpcStream } from "./grpc_client.ts";
export * from "./grpc_server.ts";
export * from "./message.ts";
export { codes, GrpcError } from "./status.ts";
