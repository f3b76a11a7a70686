import assert from "node:assert/strict";
import { test } from "node:test";
import { scratch } from "../../../../test/suites/scratch.ts";
import type { Store } from "../../../store/index.ts";
import { openNamedContexts } from "./named_contexts.ts";

const { signal } = new AbortController();

test("a named context that is no tar is refused, and its source closed", async () => {
  using directory = scratch("named-context");
  let isClosed = false;
  async function* endless(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield Buffer.alloc(1024, "x");
    } finally {
      isClosed = true;
    }
  }
  await using open = new AsyncDisposableStack();
  const options = {
    // Nothing is asked of it.
    store: {} as Store,
    temporaryDirectory: directory.path,
    fetchUrl: async () => ({ content: endless() }),
    signal,
  };
  await assert.rejects(openNamedContexts(new Map([["web", "https://host.example/x"]]), open, options), {
    kind: "invalid",
    message: "build context web is neither a directory nor a tar",
  });
  assert.ok(isClosed);
});
