import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../../errors.ts";
import type { App } from "../app.ts";
import type { EngineClient } from "../engine_client/index.ts";
import { createThere } from "./run_there.ts";

const { signal } = new AbortController();

/** What the daemon is asked for when it has not the image that it names, and what the user is told. */
async function asked(missing: string): Promise<string[]> {
  const calls: string[] = [];
  const client = {
    json: async () => {
      throw new Failure("not-found", `No such image: ${missing}`);
    },
    stream: async () => {
      calls.push("pull");
      throw new Failure("unavailable", "no registry");
    },
  } as unknown as EngineClient;
  const app = { stderr: { write: (text: string) => calls.push(text) } } as unknown as App;
  const hostConfig = { Mounts: [{ Type: "image", Source: "data", Target: "/d" }] };
  const request = { imageName: "base", config: {}, hostConfig, endpoints: {} } as unknown as Parameters<
    typeof createThere
  >[2];
  const making = createThere(app, client, request, { pull: "missing", quiet: true }, signal);
  await making.catch((error: Failure) => calls.push(error.message));
  return calls;
}

test("a container's image is pulled where it is missing, one that is to be mounted is not", async () => {
  assert.deepEqual(await asked("base:latest"), [
    "Unable to find image 'base:latest' locally\n",
    "pull",
    "no registry",
  ]);
  assert.deepEqual(await asked("data:latest"), ["No such image: data:latest"]);
});
