/** A real browser, driven by its own DevTools protocol (https://chromedevtools.github.io/devtools-protocol/) over a pipe. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";

const program = ["chromium", "chromium-browser", "google-chrome"].find(
  (name) => spawnSync(name, ["--version"]).status === 0,
);

/** The reason to skip a test that needs a browser, or false. */
export const unlessBrowser: string | false =
  program === undefined ? "needs chromium (apt-get install chromium)" : false;

type Json = Record<string, unknown>;

/** What the page did that it should not: errors, refused by the Content-Security-Policy among them. */
export interface BrowserPage {
  readonly problems: readonly string[];
  /** Waits until the page is loaded. */
  open(url: string): Promise<void>;
  /** The value of an expression in the page; promises are waited for. */
  evaluate<Value>(expression: string): Promise<Value>;
  /** Presses and releases a key: `Tab`, `Enter`; with `navigates` waits until the page that this leads to is loaded. */
  press(
    key: "Tab" | "Enter",
    options?: { readonly shift?: boolean; readonly navigates?: boolean },
  ): Promise<void>;
  /** Types into what has the focus. */
  type(text: string): Promise<void>;
  resize(width: number, height: number): Promise<void>;
  /** By `prefers-color-scheme`. */
  prefer(scheme: "light" | "dark"): Promise<void>;
  /** Whether scripts of pages run, from the next page on. */
  allowScripts(allowed: boolean): Promise<void>;
  /** A PNG of the whole page. */
  picture(): Promise<Buffer>;
}

export interface Browser extends AsyncDisposable {
  /** A window that knows nothing of the others: no cookie, no password. */
  newPage(): Promise<BrowserPage>;
}

export function startBrowser(): Browser {
  const profile = mkdtempSync(join(tmpdir(), "varve-browser-"));
  const child = spawn(
    program as string,
    [
      "--headless",
      "--remote-debugging-pipe",
      `--user-data-dir=${profile}`,
      "--no-first-run",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--disable-background-networking",
      // Its own walls cannot be put up by root, nor in most containers.
      "--no-sandbox",
      "about:blank",
    ],
    { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] },
  );
  const stop = async () => {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL");
      await ended;
    }
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  const connection = new Connection(child);
  return { newPage: () => pageOf(connection), [Symbol.asyncDispose]: stop };
}

interface BrowserEvent {
  readonly method: string;
  readonly params: Json;
  readonly sessionId: unknown;
}

/** Messages are JSON, each ended by a NUL. */
class Connection {
  readonly #writer: Writable;
  readonly #waiting = new Map<number, { resolve(value: Json): void; reject(error: Error): void }>();
  readonly #listeners = new Set<(event: BrowserEvent) => void>();
  #last = 0;
  #hasEnded = false;

  constructor(child: ChildProcess) {
    this.#writer = child.stdio[3] as Writable;
    this.#writer.on("error", () => undefined);
    let text = "";
    (child.stdio[4] as Readable).setEncoding("utf8").on("data", (chunk: string) => {
      const messages = (text + chunk).split("\0");
      text = messages.pop() as string;
      for (const message of messages) this.#take(JSON.parse(message) as Json);
    });
    child.once("exit", () => {
      this.#hasEnded = true;
      for (const { reject } of this.#waiting.values()) reject(new Error("the browser has ended"));
    });
  }

  send(method: string, params: Json = {}, sessionId?: string): Promise<Json> {
    const id = (this.#last += 1);
    return new Promise((resolve, reject) => {
      if (this.#hasEnded) return reject(new Error("the browser has ended"));
      this.#waiting.set(id, { resolve, reject });
      this.#writer.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  listen(listener: (event: BrowserEvent) => void): void {
    this.#listeners.add(listener);
  }

  /** Resolves at the next event of this name. */
  next(method: string, sessionId: string): Promise<void> {
    return new Promise((resolve) => {
      const listener = (event: BrowserEvent) => {
        if (event.method !== method || event.sessionId !== sessionId) return;
        this.#listeners.delete(listener);
        resolve();
      };
      this.#listeners.add(listener);
    });
  }

  #take({ id, method, params, result, error, sessionId }: Json): void {
    if (typeof id !== "number") {
      const event = { method: String(method), params: (params ?? {}) as Json, sessionId };
      for (const listener of this.#listeners) listener(event);
      return;
    }
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve((result ?? {}) as Json);
    else waiting?.reject(new Error((error as { message: string }).message));
  }
}

async function pageOf(connection: Connection): Promise<BrowserPage> {
  const { browserContextId } = await connection.send("Target.createBrowserContext");
  const target = { url: "about:blank", browserContextId };
  const { targetId } = await connection.send("Target.createTarget", target);
  const attached = await connection.send("Target.attachToTarget", { targetId, flatten: true });
  const sessionId = attached["sessionId"] as string;
  const send = (method: string, params?: Json) => connection.send(method, params, sessionId);
  const problems: string[] = [];
  connection.listen(({ method, params, ...event }) => {
    if (event.sessionId !== sessionId) return;
    if (method === "Runtime.exceptionThrown" || method === "Runtime.consoleAPICalled")
      problems.push(JSON.stringify(params));
    const { entry } = params as { entry?: { level: string; text: string; url?: string } };
    if (method === "Log.entryAdded" && entry !== undefined && entry.level !== "verbose")
      problems.push(`${entry.level}: ${entry.text} ${entry.url ?? ""}`);
  });
  for (const domain of ["Page", "Runtime", "Log"]) await send(`${domain}.enable`);
  const loads = async (act: () => Promise<unknown>) => {
    const loaded = connection.next("Page.loadEventFired", sessionId);
    await act();
    await loaded;
  };
  return {
    problems,
    open: (url) => loads(() => send("Page.navigate", { url })),
    async evaluate<Value>(expression: string) {
      const answer = await send("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
      const { result, exceptionDetails } = answer as {
        result: { value?: unknown };
        exceptionDetails?: unknown;
      };
      if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
      return result.value as Value;
    },
    async press(key, { shift = false, navigates = false } = {}) {
      const code = key === "Tab" ? 9 : 13;
      const common = { key, code: key, windowsVirtualKeyCode: code, modifiers: shift ? 8 : 0 };
      const down = () =>
        send("Input.dispatchKeyEvent", {
          type: "keyDown",
          ...common,
          ...(key === "Enter" && { text: "\r" }),
        });
      await (navigates ? loads(down) : down());
      await send("Input.dispatchKeyEvent", { type: "keyUp", ...common });
    },
    type: async (text) => void (await send("Input.insertText", { text })),
    async resize(width, height) {
      const mobile = width < 600;
      await send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile });
    },
    async prefer(scheme) {
      const features = [{ name: "prefers-color-scheme", value: scheme }];
      await send("Emulation.setEmulatedMedia", { features });
    },
    allowScripts: async (allowed) =>
      void (await send("Emulation.setScriptExecutionDisabled", { value: !allowed })),
    async picture() {
      const { data } = await send("Page.captureScreenshot", { format: "png", captureBeyondViewport: true });
      return Buffer.from(data as string, "base64");
    },
  };
}
