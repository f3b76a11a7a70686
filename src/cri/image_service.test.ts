/** Images as kubelet has them pulled, looked at and removed. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { criMachine, type CriMachine } from "../../test/support/cri_machine.ts";
import { signal } from "../../test/support/engine_fixture.ts";
import { cannotLive } from "../../test/support/live_machine.ts";
import { serveRegistry, type RunningRegistry } from "../registry/index.ts";
import * as p from "./protocol/index.ts";

suite("the image service", { skip: cannotLive }, () => {
  let host: CriMachine;
  let registry: RunningRegistry;
  before(async () => {
    host = await criMachine("none");
    registry = await serveRegistry({
      storage: "memory",
      auth: { kind: "basic", users: { kube: "secret" } },
    });
  });
  after(async () => {
    await registry.close();
    await host[Symbol.asyncDispose]();
  });

  const call: CriMachine["call"] = (name, request, answer, given) =>
    host.client.call(`/runtime.v1.ImageService/${name}`, request, answer, given);
  const list = async (image = "") =>
    (await call("ListImages", p.ListImagesRequest, p.ListImagesResponse, { filter: { image: { image } } }))
      .images;

  test("pull with credentials, list, status, remove", async () => {
    const name = `${registry.address}/team/app:1`;
    const { engine } = host.daemon;
    await engine.images.tag("base:1", name);
    const push = await engine.withCredentials(async () => ({
      kind: "password",
      username: "kube",
      password: "secret",
    }));
    await push.images.push(name, { signal });
    const [base] = await list();
    await call("RemoveImage", p.RemoveImageRequest, p.Nothing, { image: { image: base?.id ?? "" } });
    assert.deepEqual(await list(), []);

    const pull = (auth?: Parameters<typeof p.AuthConfig.encode>[0]) =>
      call("PullImage", p.PullImageRequest, p.PullImageResponse, { image: { image: name }, auth });
    await assert.rejects(pull(), { code: 16 });
    await assert.rejects(pull({ username: "kube", password: "wrong" }), { code: 16 });
    assert.deepEqual(await pull({ username: "kube", password: "secret" }), { imageRef: base?.id });

    const [found] = await list(name);
    assert.deepEqual([found?.id, found?.repoTags], [base?.id, [name]]);
    assert.match(found?.repoDigests[0] ?? "", /\/team\/app@sha256:/);
    const status = async (image: string) =>
      (await call("ImageStatus", p.ImageStatusRequest, p.ImageStatusResponse, { image: { image } })).image;
    assert.deepEqual((await status(name))?.repoTags, [name]);
    assert.equal(await status("other:1"), undefined);
    assert.deepEqual(await list("other:1"), []);

    const pod = await host.sandbox("named");
    for (const [index, userSpecifiedImage] of [name, "app:1", ""].entries()) {
      const made = await host.create(pod, `c${index}`, "", {
        image: { image: base?.id ?? "", userSpecifiedImage },
      });
      const { image, imageRef, imageId } = await host.status(made);
      assert.deepEqual([image?.image, imageRef, imageId], [name, found?.repoDigests[0], base?.id]);
    }
    await host.call("RemovePodSandbox", p.SandboxRequest, p.Nothing, { podSandboxId: pod });

    const { imageFilesystems } = await call("ImageFsInfo", p.Nothing, p.ImageFsInfoResponse, {});
    assert.equal(imageFilesystems[0]?.filesystem?.mountpoint, host.root);
    assert.ok((imageFilesystems[0]?.usedBytes ?? 0) > 0);
    assert.ok((imageFilesystems[0]?.inodesUsed ?? 0) > 2);
    await call("RemoveImage", p.RemoveImageRequest, p.Nothing, { image: { image: name } });
    await call("RemoveImage", p.RemoveImageRequest, p.Nothing, { image: { image: name } });
    assert.deepEqual(await list(), []);
  });

  test("short names are known by their whole ones", async () => {
    const image = await host.daemon.engine.images.import((async function* () {})(), { signal });
    await host.daemon.engine.images.tag(image.id, "thing:1");
    assert.deepEqual((await list("docker.io/library/thing:1"))[0]?.repoTags, ["docker.io/library/thing:1"]);
    await assert.rejects(call("PullImage", p.PullImageRequest, p.PullImageResponse, {}), { code: 3 });
  });
});
