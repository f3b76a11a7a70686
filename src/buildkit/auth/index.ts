export { sessionCredentials } from "./session_credentials.ts";
