import { storageDriverSuite } from "../../../test/suites/storage_driver_suite.ts";
import { memoryStorage } from "./memory.ts";

storageDriverSuite("memory", async () => {
  const storage = memoryStorage();
  return { open: async () => storage, [Symbol.asyncDispose]: async () => undefined };
});
