export { sessionSecrets } from "./session_secrets.ts";
