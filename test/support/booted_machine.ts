/** A machine in a container, without any engine: this one's files, an own systemd as its first process. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mountInfo } from "../../src/sys/index.ts";
import { scratch, unlessRoot } from "../suites/scratch.ts";

const init = "/lib/systemd/systemd";
const hierarchies = (): string[] =>
  mountInfo().flatMap(({ type, mountPoint }) => (type === "cgroup" ? [mountPoint] : []));

/** Why there can be none here, or false. */
export const cannotBoot: string | false =
  unlessRoot ||
  (!existsSync(init) && "systemd is not installed") ||
  (hierarchies().length === 0 && "its cgroups are those of v1");

export interface BootedMachine extends AsyncDisposable {
  /** Inside, as is the checkout in its own place; on this machine's disk, and not in the image of the machine. */
  readonly data: string;
  /** Standard output without the final LF. @throws unless the exit code is 0 */
  run(program: string, ...args: string[]): string;
  /** The exit code. */
  code(program: string, ...args: string[]): number;
  /** As if the power went and came back: what was written is there, nothing runs on. Resolves when it has come up. */
  restart(): Promise<void>;
}

export async function bootedMachine(): Promise<BootedMachine> {
  const { path: directory, ...rest } = scratch("booted");
  const place = (name: string): string => {
    mkdirSync(join(directory, name));
    return join(directory, name);
  };
  const places = { root: place("root"), changes: place("changes"), work: place("work"), data: place("data") };
  const group = `varve-booted-${process.pid}`;
  const script = join(directory, "boot");
  writeFileSync(script, bootScript(places));
  let first = await boot(script, group);
  const inside = (words: readonly string[]) =>
    spawnSync("nsenter", ["-t", String(first.pid), "-a", "-r", "-w", ...words], { encoding: "utf8" });
  return {
    data: places.data,
    run: (...words) => {
      const { status, stdout, stderr } = inside(words);
      if (status !== 0) throw new Error(`${words.join(" ")}: ${status} ${stdout}${stderr}`);
      return stdout.replace(/\n$/, "");
    },
    code: (...words) => inside(words).status ?? -1,
    restart: async () => {
      await halt(first, group);
      first = await boot(script, group);
    },
    [Symbol.asyncDispose]: async () => {
      await halt(first, group);
      rest[Symbol.dispose]();
    },
  };
}

interface BootOptions {
  /** Where the machine's files are seen, and beside them what it changed of this one's. */
  readonly root: string;
  readonly changes: string;
  readonly work: string;
  readonly data: string;
}

/** systemd.io/CONTAINER_INTERFACE: what it wants to find in a container. */
function bootScript({ root, changes, work, data }: BootOptions): string {
  const checkout = join(import.meta.dirname, "../..");
  const system = `${root}/etc/systemd/system`;
  return [
    "set -e",
    `mount -t overlay overlay -o lowerdir=/,upperdir=${changes},workdir=${work} ${root}`,
    `mount -t proc proc ${root}/proc`,
    `mount -t sysfs -o ro sysfs ${root}/sys`,
    `mount -t tmpfs tmpfs ${root}/run`,
    `mount --rbind /dev ${root}/dev`,
    `mount -t tmpfs tmpfs ${root}/sys/fs/cgroup`,
    ...hierarchies().flatMap((hierarchy) => {
      const name = hierarchy.slice("/sys/fs/cgroup/".length);
      const options = name === "systemd" ? "none,name=systemd" : name;
      const place = `${root}/sys/fs/cgroup/${name}`;
      return [`mkdir ${place}`, `mount -t cgroup -o ${options} cgroup ${place}`];
    }),
    ...[checkout, data].flatMap((path) => [`mkdir -p ${root}${path}`, `mount --bind ${path} ${root}${path}`]),
    "ip link set lo up",
    // What this machine has installed, and nobody wants here: at its first start.
    `[ -d ${changes}/etc ] || rm -rf ${system}/*.wants`,
    `ln -sf /lib/systemd/system/multi-user.target ${system}/default.target`,
    `exec chroot ${root} env -i container=docker PATH=/usr/sbin:/usr/bin:/sbin:/bin ${init} --system`,
  ].join("\n");
}

interface First {
  /** `unshare`, which goes when the machine has gone. */
  readonly outer: ChildProcess;
  /** The machine's first process, as it is called here. */
  readonly pid: number;
}

async function boot(script: string, group: string): Promise<First> {
  const enter = hierarchies().flatMap((path) => [
    `mkdir -p ${path}/${group}`,
    ...(path.endsWith("/cpuset")
      ? ["cpus", "mems"].map((set) => `cat ${path}/cpuset.${set} > ${path}/${group}/cpuset.${set}`)
      : []),
    `echo $$ > ${path}/${group}/cgroup.procs`,
  ]);
  const words = ["unshare", "-fpmCuin", "--propagation", "private", "sh", script];
  const outer = spawn("sh", ["-c", [...enter, `exec ${words.join(" ")}`].join("\n")], {
    stdio: "ignore",
  });
  for (;;) {
    const [pid] = readFileSync(`/proc/${outer.pid}/task/${outer.pid}/children`, "utf8").split(" ");
    if (pid !== undefined && pid !== "") {
      const state = spawnSync("nsenter", [
        "-t",
        pid,
        "-a",
        "-r",
        "-w",
        "systemctl",
        "is-system-running",
        "--wait",
      ]);
      if (/running|degraded/.test(state.stdout.toString())) return { outer, pid: Number(pid) };
    }
    if (outer.exitCode !== null)
      throw new Error(`the machine ended while it was starting: ${outer.exitCode}`);
    await new Promise((resolve) => void setTimeout(resolve, 50));
  }
}

async function halt({ outer, pid }: First, group: string): Promise<void> {
  const closed = once(outer, "close");
  process.kill(pid, "SIGKILL");
  await closed;
  for (const hierarchy of hierarchies()) removeGroups(`${hierarchy}/${group}`);
}

function removeGroups(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) removeGroups(join(path, entry.name));
  rmdirSync(path);
}
