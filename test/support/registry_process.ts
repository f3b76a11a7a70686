/** A registry in a process of its own, to be killed: `registry_process.ts DIRECTORY`. Says its address. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createRegistry, filesystemStorage } from "../../src/registry/index.ts";

const registry = createRegistry({ storage: filesystemStorage(process.argv[2] as string) });
const server = createServer((request, response) => void registry.handle(request, response));
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
