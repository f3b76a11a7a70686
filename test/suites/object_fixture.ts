/** Fixtures of the storage driver suite for drivers of object stores. */
import type { StorageDriver } from "../../src/registry/storage/types.ts";
import { everyRequest, flakyProxy } from "./flaky_proxy.ts";
import type { StorageFixture } from "./storage_driver_suite.ts";

/** A server and a driver on it. */
export async function serverFixture(
  server: AsyncDisposable & { readonly origin: string },
  open: (origin: string) => StorageDriver | Promise<StorageDriver>,
): Promise<StorageFixture> {
  return {
    open: async () => open(server.origin),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** The same with a line between them on which every 7th request fails. */
export async function flakyFixture(
  server: AsyncDisposable & { readonly origin: string },
  open: (origin: string) => StorageDriver | Promise<StorageDriver>,
): Promise<StorageFixture> {
  const proxy = await flakyProxy(server.origin);
  const driver = open(proxy.origin);
  proxy.plan = everyRequest(7);
  return {
    open: async () => (await driver, open(proxy.origin)),
    [Symbol.asyncDispose]: async () => {
      await proxy[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}
