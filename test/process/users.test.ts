import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { eachRig } from "../fixtures/each-rig.ts";

/** Ids that no user of this machine has. */
const [UID, GID] = [64_242, 64_243];

const rig = eachRig();

/** The command that starts a program with these texts in place of files in /etc. */
function withEtc(files: Record<string, string>): string[] {
  const mounts = Object.entries(files).map(([name, text]) => {
    const file = join(rig.folder, `etc-${name}`);
    writeFileSync(file, text);
    return `mount --bind ${file} /etc/${name};`;
  });
  return ["unshare", "--mount", "sh", "-euc", `${mounts.join(" ")} exec "$@"`, "sh"];
}

const passwd = (...lines: string[]): string => `root:x:0:0:root:/root:/bin/bash\n${lines.join("\n")}\n`;
const RAY = `ray:x:${UID}:${GID}::/nonexistent:/bin/dash`;
const asUid = (uid: number, gid: number): string[] => [
  "setpriv",
  `--reuid=${uid}`,
  `--regid=${gid}`,
  "--clear-groups",
  "--",
];

/** Field 6 of /proc/PID/stat. */
const sessionOf = (pid: number): number =>
  Number(
    readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ")[3],
  );

describe.skipIf(process.getuid?.() !== 0)("started as root", () => {
  test("B8 Ray has the groups of its user and those that the container was given, none of root's", async () => {
    await rig.health();
    const group = `root:x:0:\ndisk:x:6:root\nvideo:x:44:ray\nrender:x:109:ray\nray:x:${GID}:\n`;
    const etc = withEtc({ passwd: passwd(RAY), group });
    const given = ["setpriv", "--groups=0,6,4711", "--"];
    const cpu = rig.node("ray-cpu", { RAY_EP_USER: "" }, [], [...etc, ...given]);
    const { started } = await rig.rays.run("ray-cpu");
    expect(started).toMatchObject({ uid: UID, gid: GID, env: { USER: "ray", HOME: "/nonexistent" } });
    expect(started.groups.toSorted((a, b) => a - b)).toEqual([44, 109, 4711, GID]);
    expect(sessionOf(started.pid)).toBe(started.pid);
    await cpu.says("✓ Ray cluster is ready!");
  });

  test("B8 the same without setpriv", async () => {
    await rig.health();
    const hide = [
      "unshare",
      "--mount",
      "sh",
      "-euc",
      'chmod -x /dev/null; mount --bind /dev/null /usr/bin/setpriv; exec "$@"',
      "sh",
    ];
    const words = ["setpriv", "--groups=4711", "--", ...hide];
    rig.node("ray-cpu", { RAY_EP_USER: `${UID}:${GID}` }, [], words);
    const { started } = await rig.rays.run("ray-cpu");
    expect(started).toMatchObject({ uid: UID, gid: GID, groups: expect.arrayContaining([4711]) });
    expect(sessionOf(started.pid)).toBe(started.pid);
  });

  test("C7 RAY_EP_USER may be a uid that no database knows", async () => {
    await rig.health();
    rig.node("ray-cpu", { RAY_EP_USER: String(UID), HOME: "/root" });
    const { started } = await rig.rays.run("ray-cpu");
    expect(started).toMatchObject({ uid: UID, gid: 0, env: { USER: String(UID), HOME: "/" } });
  });

  test("C7 a name that is not in /etc/passwd is looked up in the system's databases", async () => {
    await rig.health();
    const getent = join(rig.folder, "getent");
    writeFileSync(
      getent,
      `#!/bin/sh\n[ "$*" = "passwd ldap.user" ] && echo "ldap.user:x:${UID}:${GID}::/srv/ldap:/bin/zsh"\n`,
    );
    chmodSync(getent, 0o755);
    const words = [
      "unshare",
      "--mount",
      "sh",
      "-euc",
      `mount --bind ${getent} /usr/bin/getent; exec "$@"`,
      "sh",
    ];
    rig.node("ray-cpu", { RAY_EP_USER: "ldap.user" }, [], words);
    const { started } = await rig.rays.run("ray-cpu");
    expect(started).toMatchObject({ uid: UID, gid: GID, env: { USER: "ldap.user", HOME: "/srv/ldap" } });
  });

  test("C7 without a user `ray` root runs Ray; where that user was named, the message names what works", async () => {
    await rig.health();
    const etc = withEtc({ passwd: passwd() });
    const bad = rig.node("ray-cpu", { RAY_EP_USER: "ray" }, [], etc);
    expect(await bad.exit()).toBe(78);
    expect(bad.stderr).toContain('This system has no user "ray"');
    expect(bad.stderr).toContain("or to a uid, such as 1000");
    const node = rig.node("ray-cpu", { RAY_EP_USER: "" }, [], etc);
    const { started } = await rig.rays.run("ray-cpu");
    expect(started).toMatchObject({ uid: 0 });
    expect(node.stdout).toContain("→ Ray runs as root: this system has no user `ray`");
  });

  test("C7 root that may not change users is told so, and may run Ray itself", async () => {
    await rig.health();
    const bound = ["setpriv", "--bounding-set=-setuid,-setgid", "--inh-caps=-setuid,-setgid", "--"];
    const bad = rig.node("ray-cpu", { RAY_EP_USER: String(UID) }, [], bound);
    expect(await bad.exit()).toBe(78);
    expect(bad.stderr).toContain("and cannot change users");
    expect(bad.stderr).toContain("RAY_EP_USER=root");
    rig.node("ray-cpu", { RAY_EP_USER: "root", HOME: "/srv" }, [], bound);
    const { started } = await rig.rays.run("ray-cpu");
    expect(started).toMatchObject({ uid: 0, env: { HOME: "/srv" } });
  });

  test("B5 root does not follow a link that Ray's user made in the place of the old sessions", async () => {
    await rig.health();
    const temp = join(rig.folder, "tmp");
    const target = join(rig.folder, "target");
    for (const name of ["session_1", "session_2", "session_3"])
      mkdirSync(join(target, name), { recursive: true });
    for (const name of ["ray", "ray/session_2026-01-01_1"]) mkdirSync(join(temp, name), { recursive: true });
    symlinkSync(target, join(temp, "ray", "old-sessions"));
    execFileSync("chown", ["-hR", `${UID}:${GID}`, temp]);
    const etc = withEtc({ passwd: passwd(RAY) });
    const cpu = rig.node("ray-cpu", { RAY_EP_USER: "ray", RAY_TMPDIR: temp }, [], etc);
    await cpu.says("✓ Ray cluster is ready!");
    expect(readdirSync(target).toSorted()).toEqual(["session_1", "session_2", "session_3"]);
    expect(cpu.stdout).toContain("could not be archived: EACCES");
  });

  test("B5 nor one in the place of the note that the node is ALIVE", async () => {
    await rig.health();
    const folder = join(rig.folder, "notes");
    mkdirSync(join(rig.folder, "target"));
    symlinkSync(join(rig.folder, "target"), folder);
    execFileSync("chown", ["-h", `${UID}:${GID}`, folder]);
    const env = { RAY_EP_USER: "ray", RAY_EP_ALIVE_FILE: join(folder, "alive") };
    const cpu = rig.node("ray-cpu", env, [], withEtc({ passwd: passwd(RAY) }));
    await cpu.says("✓ Ray cluster is ready!");
    await cpu.says("watching");
    expect(readdirSync(join(rig.folder, "target"))).toEqual([]);
  });

  test("B11 Ray's user can read the health token neither from our environment nor from its file", async () => {
    await rig.health({ RAY_EP_HEALTH_TOKEN: "t0ken" });
    const file = join(rig.folder, "token");
    writeFileSync(file, "t0ken\n", { mode: 0o400 });
    const env = {
      RAY_EP_USER: `${UID}:${GID}`,
      RAY_EP_HEALTH_TOKEN: "t0ken",
      RAY_EP_HEALTH_TOKEN_FILE: file,
    };
    const cpu = rig.node("ray-cpu", env);
    const { started } = await rig.rays.run("ray-cpu");
    expect(JSON.stringify(started.env)).not.toMatch(/t0ken|HEALTH_TOKEN/);
    await cpu.says("✓ Ray cluster is ready!");
    for (const path of [`/proc/${cpu.pid}/environ`, file]) {
      const read = () =>
        execFileSync("setpriv", [...asUid(UID, GID).slice(1), "cat", path], { stdio: "pipe" });
      expect(read, path).toThrow("Permission denied");
    }
  });

  test("A8 a key that Ray's user may not read is named before Ray stumbles over it", async () => {
    await rig.health();
    const file = (name: string, mode: number): string => {
      writeFileSync(join(rig.folder, name), "no PEM", { mode });
      return join(rig.folder, name);
    };
    const tls = {
      RAY_USE_TLS: "1",
      RAY_TLS_SERVER_CERT: file("cert", 0o644),
      RAY_TLS_SERVER_KEY: file("key", 0o600),
      RAY_TLS_CA_CERT: file("ca", 0o644),
    };
    const cpu = rig.node("ray-cpu", { RAY_EP_USER: `${UID}:${GID}`, ...tls });
    expect(await cpu.exit()).toBe(78);
    expect(cpu.stderr).toContain("RAY_TLS_SERVER_CERT: expected a certificate in PEM");
    expect(cpu.stderr).toContain(
      `RAY_TLS_SERVER_KEY: expected a file, since RAY_USE_TLS is set, got ${tls.RAY_TLS_SERVER_KEY}`,
    );
  });

  test("D6 requirements that Ray's user may not read are named", async () => {
    await rig.health();
    const folder = join(rig.folder, "requirements");
    mkdirSync(folder, { mode: 0o755 });
    writeFileSync(join(folder, "a.txt"), "numpy\n", { mode: 0o600 });
    const env = { RAY_EP_USER: `${UID}:${GID}`, RAY_EP_PIP_REQUIREMENTS: folder };
    const file = rig.node("ray-cpu", env);
    expect(await file.exit()).toBe(78);
    expect(file.stderr).toContain(`✗ Exit code 78: The user ${UID} cannot read ${folder}/a.txt (EACCES)`);
    chmodSync(folder, 0o700);
    const closed = rig.node("ray-cpu", env);
    expect(await closed.exit()).toBe(78);
    expect(closed.stderr).toContain(`The user ${UID} cannot read ${folder} (EACCES)`);
  });
});

describe.skipIf(process.getuid?.() !== 0)("started as another user", () => {
  test("C7 with a uid without an entry Ray runs as that uid, in the container's HOME", async () => {
    await rig.health();
    const env = { RAY_EP_USER: "", HOME: rig.folder };
    const cpu = rig.node("ray-cpu", env, [], asUid(UID, 0));
    const { started } = await rig.rays.run("ray-cpu");
    expect(started).toMatchObject({ uid: UID, gid: 0, env: { HOME: rig.folder, USER: String(UID) } });
    await cpu.says("✓ Ray cluster is ready!");
  });

  test("C7 a user with an entry keeps the container's HOME as well, also where it is not named ray", async () => {
    await rig.health();
    const etc = withEtc({ passwd: passwd(RAY.replace("ray", "app")) });
    rig.node("ray-cpu", { RAY_EP_USER: "", HOME: rig.folder }, [], [...etc, ...asUid(UID, GID)]);
    const { started } = await rig.rays.run("ray-cpu");
    expect(started.env).toMatchObject({ HOME: rig.folder, USER: "app" });
  });

  test("C7 a user that cannot become RAY_EP_USER: the advice works", async () => {
    await rig.health();
    const env = { RAY_EP_USER: "ray", HOME: rig.folder };
    const words = [...withEtc({ passwd: passwd(RAY.replace(String(UID), "999")) }), ...asUid(UID, 0)];
    const bad = rig.node("ray-cpu", env, [], words);
    expect(await bad.exit()).toBe(78);
    expect(bad.stderr).toContain(`or leave RAY_EP_USER out: then Ray runs as ${UID}`);
    rig.node("ray-cpu", { ...env, RAY_EP_USER: "" }, [], words);
    expect((await rig.rays.run("ray-cpu")).started.uid).toBe(UID);
  });

  test("D6 a requirements folder that cannot be read is named", async () => {
    await rig.health();
    const folder = join(rig.folder, "requirements");
    mkdirSync(folder, { mode: 0o700 });
    chownSync(folder, 1, 1);
    const bad = rig.node(
      "ray-cpu",
      { RAY_EP_USER: "", RAY_EP_PIP_REQUIREMENTS: folder },
      [],
      asUid(UID, GID),
    );
    expect(await bad.exit()).toBe(78);
    expect(bad.stderr).toContain(`✗ Exit code 78: The user ${UID} cannot read ${folder} (EACCES)`);
    expect(existsSync(folder)).toBe(true);
  });
});
