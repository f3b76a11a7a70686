/** What could be better in a Dockerfile, measured on the image. */
export { lintBuild, type LintBuildOptions } from "./lint_build.ts";
