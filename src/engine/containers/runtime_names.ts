/** Names of OCI runtimes. */

/** One of Docker's names for what the machine has: the first of runc and crun. */
export function isUsualRuntime(name: string): boolean {
  return ["", "runc", "io.containerd.runc.v2"].includes(name);
}

/** Whether an operator may give it to a runtime. It becomes the name of a file. */
export function isRuntimeName(name: string): boolean {
  return !isUsualRuntime(name) && /^[a-z\d][\w.-]{0,99}$/i.test(name);
}
