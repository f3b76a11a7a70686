export { sessionAgents } from "./session_agents.ts";
