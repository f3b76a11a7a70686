/** What a command line has of the registry: `registryCommands`. */
export { fsck, garbageCollect, retention, tagHistory, tagRestore, undelete } from "./care.ts";
export { serve } from "./serve.ts";
export { usage } from "./usage.ts";
