/** Messages of the image service. */
import { flag, integer, many, map, message, one, optional, text, texts } from "../../rpc/index.ts";
import { ImageSpec } from "./common.ts";
import { FilesystemUsage } from "./stats.ts";

export const Image = message({
  id: text(1),
  repoTags: texts(2),
  repoDigests: texts(3),
  size: integer(4),
  uid: optional(5),
  username: text(6),
  spec: one(7, ImageSpec),
});

export const ListImagesRequest = message({ filter: one(1, message({ image: one(1, ImageSpec) })) });
export const ListImagesResponse = message({ images: many(1, Image) });

export const ImageStatusRequest = message({ image: one(1, ImageSpec), verbose: flag(2) });
export const ImageStatusResponse = message({ image: one(1, Image), info: map(2) });

export const AuthConfig = message({
  username: text(1),
  password: text(2),
  auth: text(3),
  serverAddress: text(4),
  identityToken: text(5),
  registryToken: text(6),
});

export const PullImageRequest = message({ image: one(1, ImageSpec), auth: one(2, AuthConfig) });
export const PullImageResponse = message({ imageRef: text(1) });

export const RemoveImageRequest = message({ image: one(1, ImageSpec) });

export const ImageFsInfoResponse = message({
  imageFilesystems: many(1, FilesystemUsage),
  containerFilesystems: many(2, FilesystemUsage),
});
