/** Directories to build images of. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { numbers, text } from "../images/text.ts";

const steps = 5;
const filesPerStep = 20;
/** Of the large context. */
export const directories = 800;
export const filesPerDirectory = 50;

/** Five directories to copy, a variable after each. @param seed another one gives other files */
export function copySteps(directory: string, base: string, seed: number): void {
  const next = numbers(seed + 1);
  const lines = [`FROM ${base}`];
  for (let step = 1; step <= steps; step++) {
    mkdirSync(join(directory, `part-${step}`), { recursive: true });
    for (let file = 0; file < filesPerStep; file++)
      writeFileSync(join(directory, `part-${step}`, `file-${file}`), text(200 + next(8000), next(1 << 30)));
    lines.push(`COPY part-${step} /srv/part-${step}/`, `ENV PART_${step}=${seed}`);
  }
  writeFileSync(join(directory, "Dockerfile"), `${lines.join("\n")}\n`);
}

/** Five commands that write a little. */
export function runSteps(directory: string, base: string, seed: number): void {
  mkdirSync(directory, { recursive: true });
  const lines = [`FROM ${base}`];
  for (let step = 1; step <= steps; step++)
    lines.push(`RUN /bin/busybox mkdir -p /srv/${step} && echo ${seed} ${step} > /srv/${step}/made`);
  writeFileSync(join(directory, "Dockerfile"), `${lines.join("\n")}\n`);
}

/** Many small files, as a project with its packages has them, all copied by one step. */
export function manyFiles(directory: string, base: string): void {
  const next = numbers(5);
  for (let d = 0; d < directories; d++) {
    const folder = join(directory, "packages", `package-${d}`);
    mkdirSync(folder, { recursive: true });
    for (let file = 0; file < filesPerDirectory; file++)
      writeFileSync(
        join(folder, `module-${file}.js`),
        text(50 + next(1500), d * filesPerDirectory + file + 1),
      );
  }
  writeFileSync(join(directory, "changing"), "0\n");
  writeFileSync(join(directory, "Dockerfile"), `FROM ${base}\nCOPY . /app\nENV MODE=production\n`);
}

/** Changes one of them. */
export function changeOne(directory: string, seed: number): void {
  writeFileSync(join(directory, "changing"), `${seed}\n`);
}
