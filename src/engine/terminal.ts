/** For clients of the daemon, which have the user's terminal and its signals in their hands. */
export { DetachFilter, defaultDetachKeys, parseDetachKeys, proxySignals, rawMode } from "../runtime/index.ts";
