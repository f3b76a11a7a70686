"""docker-py's ordinary flows against the engine of DOCKER_HOST, in a directory with base.tar; says each flow that it has been through."""

import io
import tarfile
import urllib.request

import docker

client = docker.from_env()


def images():
    client.api.import_image_from_file("base.tar", repository="base", tag="1")
    image, lines = client.images.build(
        fileobj=io.BytesIO(b"FROM base:1\nRUN echo built\nLABEL by=docker-py\n"), tag="built:1", network_mode="none"
    )
    assert any(line.get("stream") == "built\n" for line in lines)
    assert image.labels == {"by": "docker-py"}
    assert image.tag("again", "1")
    assert sorted(image.attrs["RepoTags"]) == ["built:1"]
    assert "again:1" in client.images.get("built:1").tags
    data = b"".join(image.save(named=True))
    client.images.remove("again:1")
    assert [loaded.id for loaded in client.images.load(data)] == [image.id]
    try:
        client.images.get("none")
        raise AssertionError("found")
    except docker.errors.ImageNotFound as error:
        assert error.status_code == 404


def runs():
    assert client.containers.run("base:1", "echo run", remove=True) == b"run\n"
    try:
        client.containers.run("base:1", "sh -c 'echo no >&2; exit 3'", remove=True)
        raise AssertionError("did not fail")
    except docker.errors.ContainerError as error:
        assert error.exit_status == 3 and error.stderr == b"no\n"
    container = client.containers.run("base:1", "sleep 1000", detach=True, name="busy", labels=["a"])
    assert [each.name for each in client.containers.list(filters={"label": "a"})] == ["busy"]
    assert container.exec_run("sh -c 'echo in; exit 4'") == (4, b"in\n")
    _, stream = container.exec_run("sh -c 'echo out; echo err >&2'", stream=True, demux=True)
    out, err = zip(*stream)
    assert (b"".join(filter(None, out)), b"".join(filter(None, err))) == (b"out\n", b"err\n")
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        info = tarfile.TarInfo("f")
        info.size = 5
        tar.addfile(info, io.BytesIO(b"text\n"))
    assert container.put_archive("/tmp", archive.getvalue())
    chunks, stat = container.get_archive("/tmp/f")
    got = tarfile.open(fileobj=io.BytesIO(b"".join(chunks)))
    assert got.extractfile("f").read() == b"text\n" and stat["size"] == 5
    assert {"Path": "/tmp/f", "Kind": 1} in container.diff()
    assert container.stats(stream=False)["name"] == "/busy"
    assert next(container.stats(decode=True))["id"] == container.id
    assert container.top(ps_args="-o pid,args")["Processes"][0][1] == "sleep 1000"
    container.pause()
    container.reload()
    assert container.status == "paused"
    container.unpause()
    container.rename("busier")
    assert container.commit(repository="committed").tags == ["committed:latest"]
    container.stop(timeout=0)
    assert container.wait()["StatusCode"] == 137
    container.remove()


def attached():
    container = client.containers.create("base:1", "cat", stdin_open=True)
    socket = container.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
    container.start()
    socket._sock.sendall(b"through\n")
    assert socket.read(16)[8:] == b"through\n"
    socket._sock.close()
    container.remove(force=True)
    container = client.containers.run("base:1", "sh -c 'echo a; sleep 0.1; echo b'", detach=True)
    assert b"".join(container.logs(stream=True, follow=True)) == b"a\nb\n"
    container.remove(force=True)


def networks():
    network = client.networks.create("talk", driver="bridge")
    script = "mkdir /w; echo hello > /w/i; exec httpd -f -p 80 -h /w"
    server = client.containers.run("base:1", ["sh", "-c", script], detach=True, ports={"80/tcp": None})
    network.connect(server, aliases=["srv"])
    wait = "until wget -qO- http://127.0.0.1/i >/dev/null 2>&1; do sleep 0.1; done"
    assert server.exec_run(["sh", "-c", wait])[0] == 0
    server.reload()
    port = server.ports["80/tcp"][0]["HostPort"]
    assert urllib.request.urlopen(f"http://127.0.0.1:{port}/i").read() == b"hello\n"
    assert client.containers.run("base:1", "wget -qO- http://srv/i", network="talk", remove=True) == b"hello\n"
    network.disconnect(server)
    network.remove()
    server.remove(force=True)


def others():
    events = client.events(decode=True, filters={"type": "volume"})
    volume = client.volumes.create("data", labels={"a": "b"})
    event = next(events)
    assert (event["Action"], event["Actor"]["ID"]) == ("create", "data")
    events.close()
    mounts = {"data": {"bind": "/d", "mode": "rw"}}
    client.containers.run("base:1", "touch /d/f", volumes=mounts, remove=True)
    assert client.containers.run("base:1", "ls /d", volumes=mounts, remove=True) == b"f\n"
    volume.remove()
    assert client.ping() and client.version()["ApiVersion"] and client.df()["LayersSize"] > 0
    client.containers.prune()
    client.networks.prune()
    client.volumes.prune()
    assert client.images.prune(filters={"dangling": False})["SpaceReclaimed"] > 0
    assert client.images.list() == []


for flow in (images, runs, attached, networks, others):
    flow()
    print(flow.__name__, flush=True)
