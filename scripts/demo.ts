/**
 * `npm start`: from a root filesystem to a registry to a running container and back. Every step prints the command that
 * a user would type and runs exactly that, through ./varve. It works in a temporary directory and leaves nothing.
 */
import { execFileSync, spawn } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { styleText } from "node:util";
import { serveRegistry } from "../src/registry/index.ts";

const checkout = join(import.meta.dirname, "..");
const work = mkdtempSync(join(tmpdir(), "varve-start-"));
const environment = {
  ...process.env,
  PATH: `${checkout}:${process.env["PATH"]}`,
  VARVE_ROOT: join(work, "here"),
  DOCKER_CONFIG: join(work, "docker-config"),
};

function say(text: string): void {
  console.log(`\n${styleText("bold", text)}`);
}

/** Runs one shell command line in front of the user; a failure ends the demo unless it is expected. */
function type(commandLine: string, options: { readonly expect?: number } = {}): Promise<void> {
  console.log(`${styleText("cyan", "$")} ${commandLine}`);
  return new Promise((resolve, reject) => {
    const child = spawn("/bin/sh", ["-c", commandLine], { cwd: work, env: environment, stdio: "inherit" });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code === (options.expect ?? 0)) resolve();
      else reject(new Error(`${commandLine}\nended with ${code ?? signal}`));
    });
  });
}

/** Directories, a static busybox under all its names, and the files that a distribution has. */
function makeRootFilesystem(directory: string, busybox: string): void {
  for (const name of ["bin", "etc", "root", "tmp", "dev", "proc", "sys", "srv", "var/log"]) {
    mkdirSync(join(directory, name), { recursive: true });
  }
  copyFileSync(busybox, join(directory, "bin/busybox"));
  for (const applet of execFileSync(busybox, ["--list"], { encoding: "utf8" }).trim().split("\n")) {
    if (applet !== "busybox") symlinkSync("busybox", join(directory, "bin", applet));
  }
  writeFileSync(join(directory, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  writeFileSync(join(directory, "etc/group"), "root:x:0:\n");
  writeFileSync(join(directory, "etc/profile"), "export PS1='# '\n");
  writeFileSync(join(directory, "etc/motd"), "laid down once, never disturbed\n");
  writeFileSync(join(directory, "etc/os-release"), 'NAME="busybox"\nID=busybox\n');
}

function findBusybox(): string {
  const found = ["/bin/busybox", "/usr/bin/busybox"].find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new Error("no busybox on this machine: install the package busybox-static, then run npm start again");
}

const changes = [
  "echo hello > /srv/new", // add
  "echo 'echo hello' >> /etc/profile", // change: the file is copied up first
  "rm /etc/motd", // delete: a whiteout
  "mv /etc/os-release /etc/release", // rename: copy-up and whiteout
].join("; ");

async function canRunContainers(): Promise<boolean> {
  if (process.getuid?.() !== 0) return false;
  const { findRuntime } = await import("../src/runtime/index.ts");
  try {
    await findRuntime();
    return true;
  } catch {
    return false;
  }
}

async function demo(): Promise<void> {
  await using registry = await serveRegistry({ storage: join(work, "registry") });
  const base = `${registry.address}/varve/base`;
  const app = `${registry.address}/varve/app`;
  const runs = await canRunContainers();

  say("1. A base image from a real root filesystem");
  makeRootFilesystem(join(work, "rootfs"), findBusybox());
  await type(
    `tar -C rootfs -cf - . | varve import -c 'CMD ["/bin/sh"]' -m 'busybox root filesystem' - ${base}:1`,
  );
  await type("varve images");

  say(`2. Serve it: a registry listens on ${registry.address} (in this process); push to it`);
  await type(`varve push ${base}:1`);

  say("3. Pull it into an empty store, verified layer by layer");
  await type(`varve --root there pull ${base}:1`);
  await type(`varve --root there history ${base}:1`);
  await type(`varve --root there inspect -f '{{json .RootFS}} {{.GraphDriver.Name}}' ${base}:1`);

  if (!runs) {
    say("Containers need root, runc and containerd's shim: the rest of the walk is left out here.");
    return;
  }

  say("4. Run a container that adds, changes, deletes and renames");
  await type(`varve run --name layer ${base}:1 sh -c "${changes}; ls /etc"`);
  await type("varve ps -as");

  say("5. What it changed, and how that lies on disk: copied-up files, whiteouts (c 0/0)");
  await type("varve diff layer");
  await type(
    `upper=$(varve inspect -f '{{.GraphDriver.Data.UpperDir}}' layer); cd $upper; find . -mindepth 1 -exec stat -c '%A %s %t/%T  %n' {} +`,
  );

  say("6. Make an image of it; see how it came to be, and the forest");
  await type(`varve commit -m 'four changes' layer ${app}:1`);
  await type(`varve history ${app}:1`);
  await type("varve tree");

  say("7. Push it: the base layer is not sent again");
  await type(`varve push ${app}:1`);

  say("8. Pull it elsewhere, where the base is already: only the new layer is fetched");
  await type(`varve --root there pull ${app}:1`);
  await type(`varve --root there run --rm ${app}:1 sh -c 'cat /srv/new; ls /etc'`);
  await type("varve --root there tree");
  await type("varve --root there system df");

  say("9. Clean up");
  await type("varve rm layer");
  await type(`varve rmi ${app}:1`);
}

try {
  await demo();
  console.log(
    `\n${styleText("green", "Done.")} Nothing is left mounted; the next step is yours: ./varve --help`,
  );
} catch (error) {
  console.error(`\n${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}
