import type { ContainerConfig } from "../../oci/index.ts";

/** The shell before texts and commands in shell form. */
export function shellOf({ Shell }: ContainerConfig): readonly string[] {
  return Shell === undefined || Shell === null || Shell.length === 0 ? ["/bin/sh", "-c"] : Shell;
}
