/** A day at the docker command line: the lines that are typed, and what of their output depends on the day. */
import type { PrivateHost } from "./private_host.ts";

/** A part of the day. Later lines need what the heart of earlier parts has made. */
interface Part {
  readonly heart: readonly string[];
  readonly rest: readonly string[];
}

const dockerfile = `FROM base:1
ARG NAME=app
ENV NAME=$NAME
LABEL tier=web
WORKDIR /www
COPY index.html .
RUN echo built-$NAME >> index.html; ls -l /www
EXPOSE 80
VOLUME /logs
CMD ["httpd", "-f", "-p", "80", "-h", "/www"]
`;

const images: Part = {
  heart: [
    "date +%s.%N > morning; docker import base.tar base:1 > id; docker images --format '{{.Repository}}:{{.Tag}}'",
    `mkdir app; cd app; echo hello > index.html; cat > Dockerfile <<'.'\n${dockerfile}.`,
    "docker build --network none -t app:1 --build-arg NAME=day app",
  ],
  rest: [
    "docker build --network none -t app:1 --build-arg NAME=day app",
    "docker build -q app/none; docker build --network none -t app:bad -f /dev/null app",
    "docker images; docker images -q | wc -l; docker images -f label=tier=web --format '{{.Repository}}:{{.Tag}}'",
    "docker history app:1 --format '{{.CreatedBy}}|{{.Size}}|{{.Comment}}'",
    "docker image inspect app:1 -f '{{json .Config}}'; docker history none",
    "docker import -m 'a message' -c 'ENV A=1 B=2' -c 'CMD [\"sh\"]' -c 'EXPOSE 80/tcp' -c 'USER 1' -c 'VOLUME /v' base.tar imp:1; docker history imp:1; docker import -c 'FROB x' base.tar bad:1; docker import --platform windows base.tar bad:1; docker rmi imp:1",
    "docker image ls -f since=nope; docker save none; docker search --limit 200 x 2>&1 | tr L l; docker tag base:1 Bad; docker tag base:1 sha256:x",
  ],
};

const foreground: Part = {
  heart: [
    "docker run --rm base:1 sh -c 'echo out; echo err >&2; exit 7'; echo $?; echo typed | docker run -i --rm base:1 cat",
    "printf 'echo in-$((6*7))\\nexit 3\\n' | script -qec 'docker run -it --rm --hostname box base:1 sh' /dev/null | tr -d '\\r' | grep '^/ #\\|^in'; docker run --rm base:1 nonexistent",
  ],
  rest: [
    "docker run --rm base:1 echo one 'two  three'; docker run --rm base:1 /etc/not-executable; docker run --rm",
    "docker run --rm $R/none:1 true",
    "docker run --rm -e A=1 -w /tmp -u jo --read-only base:1 sh -c 'id; pwd; echo $A; touch /x'",
    "docker run --rm -m 32m --cpus 0.5 --pids-limit 50 base:1 sh -c 'cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us pids/pids.max 2>/dev/null || cat memory.max cpu.max pids.max'",
    "docker run --rm --cap-drop ALL --cap-add CHOWN base:1 grep Cap /proc/self/status",
    "docker run --rm --init base:1 ps -o args; docker run --rm --init --pid host base:1 true",
    "docker run --rm --tmpfs /t:size=1m --shm-size 2m --ulimit nofile=64:128 base:1 sh -c 'df -k /t /dev/shm | sed 1d; ulimit -n'",
    "docker run --rm --add-host a.example:10.9.8.7 --dns 10.1.1.1 --dns-search x.example base:1 sh -c 'grep a.example /etc/hosts; cat /etc/resolv.conf'",
    "docker run --rm --user 4:5 --group-add tape -w /new/dir --entrypoint id base:1; docker run --rm -v /data base:1 sh -c 'touch /data/x && echo ok'; docker run --rm --read-only --tmpfs /run base:1 sh -c 'touch /run/x /x'",
    "docker run --rm --ipc host --uts host --pid host base:1 true; docker run --rm --network none --hostname h --domainname d.example base:1 sh -c 'hostname; cat /etc/hosts'",
    "docker run --rm --security-opt seccomp=unconfined --security-opt no-new-privileges base:1 grep -E 'Seccomp:|NoNew' /proc/self/status; docker run --rm --cpuset-cpus 0 base:1 grep Cpus_allowed_list /proc/self/status",
    "docker run --rm --restart always base:1 true; docker run -e bad= -e PATHX --rm base:1 env | sort | grep -v HOSTNAME; docker run --rm -p 80:80:80:80 base:1 true; docker run --rm -v a:b:c:d base:1 true; docker run --rm -m 1k base:1 true; docker run --rm --cpus 1000 base:1 true",
    "docker run --rm --sysctl net.ipv4.ip_forward=0 --device /dev/null:/dev/nil --group-add 26 base:1 sh -c 'cat /proc/sys/net/ipv4/ip_forward; ls /dev/nil; id -G'",
  ],
};

const web: Part = {
  heart: [
    "docker run -d --name web -p 8080:80 -p 127.0.0.1:9090:80/udp app:1; docker ps --format '{{.Names}} {{.Image}} {{.Command}} {{.Ports}} {{.Status}}'; docker port web",
    "curl -sS --retry 20 --retry-connrefused http://127.0.0.1:8080/",
    "docker exec -e X=1 -w /tmp -u jo web sh -c 'echo $X; pwd; id -un; exit 9'",
    "script -qec 'docker exec -it web sh -c \"tty; echo \\$TERM\"' /dev/null | tr -d '\\r' | sed 's/\\^@//'",
    "docker run -d --name talker base:1 sh -c 'for i in 1 2 3; do echo line $i; echo err $i >&2; done; until [ -e /go ]; do sleep 0.1; done; echo last; sleep 1000'",
    // Followed while it talks.
    ": > log; : > err; docker logs -f talker > log 2> err & p=$!; until grep -q 'line 3' log && grep -q 'err 3' err; do sleep 0.1; done; docker exec -d talker touch /go; until grep -q last log; do sleep 0.1; done; kill $p; cat log err",
    "docker logs --tail 1 talker 2>/dev/null; docker logs -t talker 2>/dev/null | wc -l; docker top web | awk '{print $NF, $1}'; docker stats --no-stream --format '{{.Name}} {{.PIDs}}' web talker",
  ],
  rest: [
    "docker port web 80/tcp; docker port web 81; docker exec web nonexistent; docker exec none true",
    "docker run -d --name brief base:1 sh -c 'echo a; sleep 1; echo b'; docker logs -f brief",
    "docker inspect web -f '{{.State.Status}} {{.State.Running}} {{.Config.Image}} {{json .HostConfig.PortBindings}} {{json .NetworkSettings.Ports}} {{.HostConfig.NetworkMode}}'",
    "docker inspect web -f '{{json .NetworkSettings.Networks}}'; docker inspect nobody; docker inspect -f '{{.Nope}}' web; docker logs none",
    "docker ps -a --format '{{.Names}}' ; docker ps -aq | wc -l; docker ps -f name=web -f status=running --format '{{.Names}}'; docker ps -a -f ancestor=app:1 -f publish=8080 --format '{{.Names}}'; docker ps -a -f status=exited --format '{{.Names}} {{.Status}}'",
    "docker ps -as; docker top none; docker stats --no-stream none",
  ],
};

const files: Part = {
  heart: [
    "mkdir -p tree/sub; echo f > tree/sub/f; ln -s sub/f tree/link; docker cp tree web:/tmp/; docker exec web ls -l /tmp/tree; docker cp web:/tmp/tree back; ls -R back; readlink back/link",
    "docker diff web | sort; docker commit -m 'what was done' -a me -c 'ENV Z=1' -c 'CMD [\"sh\"]' web web:saved | wc -c; docker image inspect web:saved -f '{{.Comment}} {{.Author}} {{json .Config.Env}} {{json .Config.Cmd}}'; docker run --rm web:saved ls /tmp/tree",
  ],
  rest: [
    "docker cp web:/www/index.html - | tar t; docker cp web:/none .; docker cp tree web:/none/deep; tar c tree | docker cp - web:/srv; docker cp nope:/x .; docker diff none",
    "ln -s base.tar lnk; docker cp -L lnk web:/tmp/; docker exec web ls -l /tmp | awk '{print $1,$5,$NF}'; docker exec web ln -s /etc/passwd /tmp/s; docker cp -L web:/tmp/s - | tar tv | awk '{print $1,$3,$6}'; docker cp web:/tmp/s - | tar t; docker cp -a web:/etc/group g; cat g",
    "docker export web | tar t | grep ^tmp/; docker export none > /dev/null; docker commit none x",
  ],
};

const lives: Part = {
  heart: [
    "docker rename talker chatty; docker pause chatty; docker ps -f name=chatty --format '{{.Status}}'; docker unpause chatty",
    "docker restart -t 0 chatty; docker kill -s KILL chatty; docker wait chatty; docker ps -af name=chatty --format '{{.Status}}'; docker rm chatty",
  ],
  rest: [
    "docker run -d --name lives base:1 sleep 1000; docker update -m 64m --memory-swap 128m --restart on-failure:3 lives; docker inspect lives -f '{{.HostConfig.Memory}} {{json .HostConfig.RestartPolicy}}'; docker rename lives web; docker pause lives; docker exec lives true; docker pause lives; docker unpause lives; docker unpause lives",
    "docker stop -t 1 lives; docker inspect lives -f '{{.State.ExitCode}} {{.State.Status}}'; docker stop lives; docker kill lives; docker start lives none; docker rm lives none; docker rm -f lives none; docker update none",
    "docker create --name made base:1 true; docker ps -a -f name=made --format '{{.Status}}'; docker create --name made base:1 true; docker create --name 'a b' base:1 true; docker create --name none base:1",
    "docker create -i --name reads base:1 sh -c 'read x; echo got $x'; echo word | docker start -ai reads",
    "docker run -d --name sick --health-cmd 'exit 1' --health-interval 100ms --health-retries 2 base:1 sleep 1000; until docker ps -f health=unhealthy --format '{{.Names}}' | grep sick; do :; done; docker inspect sick -f '{{.State.Health.Status}}'",
    "docker run --name flaps --restart on-failure:2 base:1 false; docker wait flaps; docker inspect flaps -f '{{.RestartCount}}'",
    "docker run -d --rm --name gone base:1 true; while docker inspect gone >/dev/null 2>&1; do :; done; docker run -d --name detach base:1 true; docker wait detach; docker attach detach",
    "docker run --name sig base:1 sh -c 'kill -TERM $$'; docker inspect sig -f '{{.State.ExitCode}} {{.State.OOMKilled}} {{.State.Error}}'; docker ps -a -f exited=143 --format '{{.Names}}'",
    "docker run --name oom -m 8m --memory-swap 8m base:1 sh -c 'x=aaaaaaaaaaaaaaaa; while true; do x=$x$x; done'; docker inspect oom -f '{{.State.ExitCode}} {{.State.OOMKilled}}'; docker wait sig oom none; docker rm sig oom",
    "docker run -d --log-driver none --name nolog base:1 echo x; docker logs nolog; docker run -d --log-driver local --name loclog base:1 echo local; docker wait loclog; docker logs loclog; docker run --rm --log-opt max-size=1k base:1 echo q; docker rm nolog loclog",
    "printf 'FROM base:1\\nRUN echo a' | docker build -q - | wc -c; docker ps -a -f before=web --format '{{.Names}}'; docker ps -aq -f network=bridge | wc -l; docker container ls -n 2 --format '{{.Names}}'",
    "docker run -d --name donor --ipc shareable --shm-size 3m base:1 sh -c 'touch /dev/shm/mark; sleep 1000'; docker exec donor sh -c 'until [ -e /dev/shm/mark ]; do sleep 0.1; done'; docker run --rm --ipc container:donor base:1 sh -c 'ls /dev/shm; df -k /dev/shm | sed 1d'; docker run --rm --ipc container:web base:1 true; docker run --rm --ipc none base:1 ls -d /dev/shm",
    "docker run --rm --ulimit core=-1 base:1 sh -c 'ulimit -c'; docker run --rm --hostname a.b.c base:1 tail -n 1 /etc/hosts | cut -f 2; docker run --rm --device /dev/shm base:1 true; docker run --rm --device-read-bps /dev/none-such:1mb base:1 true",
    "docker create --name checks --health-interval 5s --health-cmd true base:1 true; docker create --name joined --network container:donor --hostname x base:1 true; docker run --rm --network container:donor -p 80 base:1 true; docker run --rm --uts host --hostname x base:1 true; docker create --name words base:1 'a b' 'c d'; docker ps -a -f name=words --format '{{.Command}}'",
    "docker create --name linked --link donor:db base:1 true; docker inspect linked -f '{{json .HostConfig.Links}}'; docker pause donor; docker kill -s TERM donor; docker inspect donor -f '{{.State.Status}}'; docker pause donor; docker rm donor; docker rm -f donor linked words checks",
    "docker cp web:/etc/hostname - | tar xO | wc -c; docker exec web mkfifo /tmp/fifo; docker cp web:/tmp/fifo fifo; ls -l fifo | cut -c 1; docker exec web rm /tmp/fifo; docker cp web:/ whole; ls whole/etc | head -n 1",
    "docker rm -f sick flaps made reads detach brief | sort",
  ],
};

const networks: Part = {
  heart: [
    "docker network create talk | wc -c; docker run -d --name server --network talk --network-alias srv base:1 sh -c 'mkdir /w; echo by name > /w/i; httpd -f -p 80 -h /w'; docker exec server sh -c 'until wget -qO- http://127.0.0.1/i; do sleep 0.1; done'",
    "docker run --rm --network talk base:1 sh -c 'wget -qO- http://server/i; wget -qO- http://srv/i'",
  ],
  rest: [
    "docker network ls --format '{{.Name}} {{.Driver}} {{.Scope}}' | sort; docker network create talk; docker network create --subnet 10.77.0.0/24 --gateway 10.77.0.1 --label a=b fixed | wc -c; docker network create --subnet 10.77.0.0/16 other; docker network create --subnet x other",
    'docker run --rm --network fixed --ip 10.77.0.9 base:1 sh -c \'ip -4 -o addr show eth0 | cut -d" " -f 7; ip route | cut -d" " -f 1-5\'; docker run --rm --network fixed --ip 10.78.0.9 base:1 true',
    "docker network connect --ip 10.77.0.20 fixed server; docker exec server ip -o -4 addr | cut -d' ' -f 2,7; docker inspect server -f '{{range $k, $v := .NetworkSettings.Networks}}{{$k}}={{$v.IPAddress}} {{json $v.Aliases}} {{end}}'; docker network connect fixed server",
    "docker network inspect fixed -f '{{json .IPAM}} {{json .Labels}} {{range .Containers}}{{.Name}} {{.IPv4Address}}{{end}}'",
    "docker network rm fixed; docker network disconnect fixed server; docker network rm fixed; docker network rm bridge; docker network inspect none2; docker network disconnect talk nobody; docker network connect none2 server",
    "docker run --rm --network host base:1 hostname > /dev/null; docker run --rm --network none base:1 ip -o -4 addr | cut -d' ' -f 2; docker run --rm --network container:server base:1 wget -qO- http://127.0.0.1/i; docker run --rm --network nope base:1 true; docker run --rm --network container:nope base:1 true; docker run --rm --network host -p 1:1 base:1 true",
    "docker run -d --name clash -p 8080:80 base:1 true; docker ps -a -f name=clash --format '{{.Names}} {{.Status}}'; docker rm -f clash",
    "docker network create --internal inner > id; docker network ls -f driver=bridge --format '{{.Name}}' | sort",
  ],
};

const volumes: Part = {
  heart: [
    "docker volume create data; docker run --rm -v data:/d base:1 sh -c 'echo kept > /d/f'; docker run --rm --mount type=volume,src=data,dst=/d,readonly base:1 sh -c 'cat /d/f; touch /d/g'; docker volume ls --format '{{.Name}} {{.Driver}}' | grep data",
  ],
  rest: [
    "docker run --rm -v $PWD/tree:/t:ro base:1 cat /t/sub/f; docker run --rm --mount type=bind,src=/nonexistent-dir,dst=/x base:1 true; docker run --rm -v data:rel base:1 true; docker run --rm -v /x:/ base:1 true",
    "docker volume create --label a=b -o type=tmpfs -o device=tmpfs -o o=size=1m,uid=5 small; docker run --rm -v small:/t base:1 sh -c 'grep -o \"^tmpfs /t.*size=1024k,uid=5\" /proc/mounts'; docker volume inspect small -f '{{json .Options}} {{json .Labels}}'; docker volume create -o foo=bar odd; docker volume create -o o=bind odd; docker volume ls -q -f label=a=b; docker volume rm small",
    "docker volume inspect data -f '{{.Name}} {{.Driver}} {{.Scope}} {{json .Options}}'; docker volume inspect none; docker volume rm none; docker volume create --driver x y; docker volume create 'a b'",
    "docker run -d --name holder -v data:/d -v /anon base:1 sleep 1000; docker volume rm data; docker inspect holder -f '{{range .Mounts}}{{.Type}} {{.Destination}} {{.RW}}{{println}}{{end}}' | sort; docker run --rm --volumes-from holder base:1 cat /d/f; docker rm -fv holder; docker volume ls -q | grep -c -x data",
  ],
};

const archives: Part = {
  heart: [
    "docker save -o app.tar app:1; tar xOf app.tar manifest.json | grep -o '\"RepoTags\":[^]]*]'; docker load -i app.tar",
    "docker tag base:1 $R/day/base:1; docker push -q $R/day/base:1; docker rmi $R/day/base:1 | head -n 1; docker pull -q $R/day/base:1; docker run --rm $R/day/base:1 echo pulled",
  ],
  rest: [
    "docker push $R/day/base:1; docker rmi $R/day/base:1 | head -n 1; docker pull $R/day/base:1; docker pull $R/none",
    "docker tag none a; docker rmi none; docker rmi app:1",
    "docker save base:1 app:1 > two.tar; docker load -q -i two.tar | sort; gzip -c two.tar | docker load | sort",
    "docker push $R/day/base:9; docker push $R/day/base; docker push $R/none; docker pull $R/day/base@sha256:$(printf '%064d' 0)",
  ],
};

const evening: Part = {
  heart: [
    "docker events --since $(cat morning) --until $(date +%s.%N) --filter container=server --format '{{.Type}} {{.Action}} {{index .Actor.Attributes \"name\"}}'",
    "docker system df --format '{{.Type}} {{.TotalCount}} {{.Active}}'; docker info --format '{{.Containers}} {{.ContainersRunning}} {{.ContainersStopped}} {{.Driver}} {{.OSType}} {{.Architecture}} {{.Swarm.LocalNodeState}} {{.CgroupDriver}} {{.DefaultRuntime}}'; docker version --format '{{.Server.Os}} {{.Server.Arch}}'",
    "docker rm -fv web; docker kill server; docker container prune -f | grep -v ^Total; docker network prune -f | sort; docker image prune -f",
    // Since 1.42 those that have a name stay.
    "DOCKER_API_VERSION=1.41 docker volume prune -f; docker image prune -af | grep -c deleted; docker system prune -af --volumes | grep -v ^Total; docker ps -aq; docker images -q; docker volume ls -q; docker network ls -q | wc -l",
  ],
  rest: [
    "docker events --since 2020-01-01 --until 2020-01-02 --filter later=x; docker plugin ls; docker plugin inspect x; docker plugin rm x",
    "docker swarm init --advertise-addr nope; docker swarm join-token worker; docker node ls; docker stack ls; docker secret ls; docker swarm init --advertise-addr 127.0.0.1 > /dev/null; docker node ls --format '{{.Status}} {{.Availability}} {{.ManagerStatus}}'; docker service ls; docker swarm leave; docker swarm leave -f",
  ],
};

const parts = [images, foreground, web, files, lives, networks, volumes, archives, evening];

/** Lines of shell, in their order; `$R` is a registry. @param whole or only the heart of each part */
export function workingDay(whole: boolean): string[] {
  return parts.flatMap(({ heart, rest }) => (whole ? [...heart, ...rest] : heart));
}

/** What the lines print and their exit codes, as on a terminal that keeps all lines. */
export async function spend(
  { sh }: PrivateHost,
  lines: readonly string[],
  registry: string,
): Promise<string[]> {
  const shown: string[] = [];
  for (const line of lines) {
    const { code, stdout, stderr } = await sh(`R=${registry}; ${line}`);
    shown.push(comparable(`$ ${line}\n${stdout}${stderr}= ${code}`));
  }
  return shown;
}

/** What differs from run to run, or by intent, is named alike or left out. */
function comparable(output: string): string {
  return (
    output
      // The shell asks where the cursor is, if it is still without a size when it prompts.
      .replaceAll("\x1b[6n", "")
      .replace(/[0-9a-f]{64}/g, "ID64")
      .replace(/\b[0-9a-f]{12}\b/g, "ID")
      .replace(/\.dockerfile\.[0-9a-f]+/g, ".dockerfile.ID")
      .replace(/\b(?:Less than a second|About a minute|\d+ (?:second|minute)s?)\b/g, "AGE")
      .replace(/[A-Z][a-z]{2} [ \d]\d \d\d:\d\d/g, "TIME")
      .replace(/^(Sending build context to Docker daemon) .*$/gm, "$1")
      // These parts of a table are as wide as what was left out.
      .replace(/ {2,}/g, "  ")
  );
}
