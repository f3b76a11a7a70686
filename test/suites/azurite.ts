/** Azurite, Microsoft's own server of Azure Blob Storage for tests, where `azurite-blob` is on the path. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export interface Azurite extends AsyncDisposable {
  readonly origin: string;
  readonly account: string;
  readonly key: string;
}

/** The reason to skip a test that needs it, or false. */
export const azuriteSkip: string | false = isInstalled()
  ? false
  : "needs azurite-blob (npm's azurite) on the path";

function isInstalled(): boolean {
  try {
    execFileSync("sh", ["-c", "command -v azurite-blob"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** @param directory an empty one */
export async function startAzurite(directory: string): Promise<Azurite> {
  const flags = ["--blobPort", "0", "--location", directory, "--skipApiVersionCheck", "--disableTelemetry"];
  const child = spawn("azurite-blob", flags, { stdio: ["ignore", "pipe", "pipe"] });
  const closed = once(child, "close");
  const listening = Promise.withResolvers<string>();
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      said.push(line);
      const address = /listen(?:s|ing) (?:at|on) (http:\/\/127\.0\.0\.1:\d+)/.exec(line)?.[1];
      if (address !== undefined) listening.resolve(address);
    });
  }
  void closed.then(() => listening.reject(new Error(`azurite ended: ${said.join("\n")}`)));
  return {
    origin: await listening.promise,
    // Azurite's published account: "Use the Azurite emulator", section "Well-known storage account and key".
    account: "devstoreaccount1",
    key: "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGTERM");
      await closed;
    },
  };
}
