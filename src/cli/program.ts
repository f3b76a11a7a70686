/** The table of all commands. */
import { driverNames, version as varveVersion } from "../engine/index.ts";
import type { App } from "./app.ts";
import { exportCommand, importCommand, load, save } from "./commands/archives.ts";
import { attach } from "./commands/attach.ts";
import { builderDu, builderPrune } from "./commands/builder.ts";
import { completion } from "./commands/completion.ts";
import { build } from "./commands/build.ts";
import { containerPrune } from "./commands/container_prune.ts";
import { kill, pause, rename, restart, stop, unpause, update, wait } from "./commands/container_verbs.ts";
import { commit, diff, rm } from "./commands/containers.ts";
import { cp } from "./commands/cp.ts";
import { cri } from "./commands/cri.ts";
import { daemon } from "./commands/daemon.ts";
import { daemonInstall, daemonUninstall } from "./commands/daemon_install.ts";
import { events } from "./commands/events.ts";
import { exec } from "./commands/exec.ts";
import { explain } from "./commands/explain.ts";
import { history } from "./commands/history.ts";
import { images } from "./commands/images.ts";
import { containerInspect, imageInspect, inspect } from "./commands/inspect.ts";
import { login, logout } from "./commands/login.ts";
import { logs } from "./commands/logs.ts";
import { migrate } from "./commands/migrate.ts";
import { storeOptimize } from "./commands/optimize.ts";
import { port } from "./commands/port.ts";
import { ps } from "./commands/ps.ts";
import { pull } from "./commands/pull.ts";
import { push } from "./commands/push.ts";
import {
  registryFsck,
  registryGarbageCollect,
  registryRetention,
  registryServe,
  registryTagHistory,
  registryTagRestore,
  registryUndelete,
  registryUsage,
} from "./commands/registry.ts";
import { imagePrune, rmi } from "./commands/rmi.ts";
import { create, run, start } from "./commands/run.ts";
import { stats } from "./commands/stats.ts";
import { info, systemCheck, systemGc, systemPrune, version } from "./commands/system.ts";
import { systemDf } from "./commands/system_df.ts";
import { tag } from "./commands/tag.ts";
import { top } from "./commands/top.ts";
import { tree } from "./commands/tree.ts";
import {
  networkConnect,
  networkCreate,
  networkDisconnect,
  networkInspect,
  networkLs,
  networkPrune,
  networkRm,
} from "./commands/network.ts";
import { volumeCreate, volumeInspect, volumeLs, volumePrune, volumeRm } from "./commands/volume.ts";
import type { Program } from "./kit/index.ts";

export const program: Program<App> = {
  name: "varve",
  summary: "Docker's layered images without Docker: pull, look inside, run, change, ship",
  version: `varve version ${varveVersion}`,
  globals: {
    root: {
      kind: "string",
      type: "string",
      complete: "directory",
      env: "VARVE_ROOT",
      help: "Data root, in Docker's layout",
    },
    driver: {
      kind: "string",
      type: "string",
      values: driverNames,
      env: "VARVE_DRIVER",
      help: "Storage driver: overlay2, erofs or vfs; default: what the root holds, else the best here",
    },
    "storage-opt": {
      kind: "list",
      type: "KEY=VALUE",
      env: "VARVE_STORAGE_OPT",
      help: "Storage driver option: erofs.directio=true, erofs.drop_pages=true",
    },
    host: {
      kind: "string",
      short: "H",
      type: "ADDRESS",
      env: "VARVE_HOST",
      help: "Daemon for containers that live on; default: $DOCKER_HOST, else unix:///run/varve.sock",
    },
    json: { kind: "boolean", help: "Print JSON for programs" },
  },
  commands: [
    pull,
    push,
    login,
    logout,
    images,
    tree,
    history,
    inspect,
    imageInspect,
    tag,
    rmi,
    imagePrune,
    save,
    load,
    build,
    importCommand,
    exportCommand,
    run,
    create,
    start,
    ps,
    containerInspect,
    diff,
    cp,
    commit,
    rm,
    stop,
    restart,
    kill,
    pause,
    unpause,
    wait,
    logs,
    attach,
    exec,
    top,
    stats,
    port,
    rename,
    update,
    containerPrune,
    events,
    networkCreate,
    networkLs,
    networkInspect,
    networkRm,
    networkConnect,
    networkDisconnect,
    networkPrune,
    volumeCreate,
    volumeLs,
    volumeInspect,
    volumeRm,
    volumePrune,
    builderDu,
    builderPrune,
    systemDf,
    systemPrune,
    systemGc,
    systemCheck,
    storeOptimize,
    migrate,
    daemon,
    daemonInstall,
    daemonUninstall,
    cri,
    registryServe,
    registryGarbageCollect,
    registryRetention,
    registryFsck,
    registryTagHistory,
    registryTagRestore,
    registryUndelete,
    registryUsage,
    explain,
    info,
    version,
    completion,
  ],
  groups: {
    builder: { summary: "Manage the build cache" },
    buildx: { summary: "Manage the build cache" },
    image: { summary: "Manage images" },
    container: { summary: "Manage containers" },
    registry: { summary: "Run a registry and look after it" },
    store: { summary: "Look after the layers" },
    system: { summary: "Look after the whole root" },
    network: { summary: "Manage networks" },
    volume: { summary: "Manage volumes" },
  },
  sections: ["Images", "Registries", "Archives", "Containers", "Networks", "Volumes", "System"],
};
