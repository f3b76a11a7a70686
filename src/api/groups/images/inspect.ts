/** `GET /images/{name}/json` and `/history`. */
import type { Daemon, ImageInspect } from "../../../engine/index.ts";
import type { Call } from "../../http/index.ts";
import { checkWanted, wantedPlatform } from "./wanted_platform.ts";

export async function inspect({ engine }: Daemon, call: Call): Promise<void> {
  const name = call.param("name");
  const image = await engine.images.inspect(name);
  const { Os: os, Architecture: architecture, Variant: variant } = image;
  checkWanted(wantedPlatform(call, "1.49"), name, {
    os,
    architecture,
    ...(variant !== undefined && { variant }),
  });
  call.reply(200, shape(call, image));
}

/** What versions have dropped (moby, daemon/server/router/image/image_routes.go, `getImagesByName`). */
function shape(call: Call, image: ImageInspect): object {
  const { Container, ContainerConfig, VirtualSize, Created, Config, ...rest } = image;
  const { Id, RepoTags, RepoDigests, Parent, Comment, ...more } = rest;
  const hasContainer = !call.isAtLeast("1.45") || needsContainer(call);
  return {
    Id,
    RepoTags,
    RepoDigests,
    Parent,
    Comment,
    ...((!call.isAtLeast("1.44") || !Created.startsWith("0001-01-01T")) && { Created }),
    ...(hasContainer && { Container, ContainerConfig }),
    Config: Config === null || !call.isAtLeast("1.50") ? Config : imageConfig(Config),
    ...more,
    ...(!call.isAtLeast("1.44") && { VirtualSize }),
  };
}

/**
 * The first docker-compose asks for the newest version and cannot make a container anew without it. (With Docker's own
 * engine it fails since 1.45 was made.)
 */
function needsContainer({ request }: Call): boolean {
  return request.headers["user-agent"]?.startsWith("docker-compose/1.") === true;
}

/** What is a container's alone is no longer told of an image. */
const containersOwn = new Set([
  "Hostname",
  "Domainname",
  "AttachStdin",
  "AttachStdout",
  "AttachStderr",
  "Tty",
  "OpenStdin",
  "StdinOnce",
  "Image",
  "NetworkDisabled",
  "MacAddress",
  "StopTimeout",
]);

function imageConfig(config: NonNullable<ImageInspect["Config"]>): object {
  return Object.fromEntries(Object.entries(config).filter(([key]) => !containersOwn.has(key)));
}

export async function history({ engine }: Daemon, call: Call): Promise<void> {
  const name = call.param("name");
  const wanted = wantedPlatform(call, "1.48");
  if (wanted !== undefined) checkWanted(wanted, name, (await engine.images.resolve(name)).config);
  const rows = await engine.images.history(name);
  call.reply(
    200,
    rows.map(({ id, created, createdBy, comment, size, tags }) => ({
      Comment: comment,
      // Go's zero time in seconds, which Docker gives for rows without one.
      Created: created === undefined ? -62_135_596_800 : Math.floor(Date.parse(created) / 1000),
      CreatedBy: createdBy,
      Id: id ?? "<missing>",
      Size: size,
      Tags: tags.length === 0 ? null : tags,
    })),
  );
}
