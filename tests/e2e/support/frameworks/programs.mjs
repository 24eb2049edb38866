// Applications in other languages, where those are installed.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const file = (name) => fileURLToPath(new URL(name, import.meta.url));
const python = process.env.PYTHON ?? "python3";
const ruby = process.env.RUBY ?? "ruby";

const inPython = (framework, modules) => ({
  has: () => spawnSync(python, ["-c", `import ${modules}`]).status === 0,
  missing: `did NOT run: ${python} has no ${modules} (PYTHON names another one)`,
  command: (prefix) => [python, [file("python_app.py"), framework, prefix]],
});

const PROGRAMS = {
  flask: inPython("flask", "flask"),
  django: inPython("django", "django"),
  fastapi: inPython("fastapi", "fastapi, uvicorn"),
  rails: {
    has: () => spawnSync(ruby, ["-e", 'require "action_controller/railtie"; require "rack/handler/webrick"']).status === 0,
    missing: `did NOT run: ${ruby} has no Rails with WEBrick (RUBY names another one)`,
    command: (prefix) => [ruby, [file("ruby_app.rb"), prefix]],
  },
};

async function started([command, args]) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  let complaint = "";
  child.stderr.on("data", (chunk) => { complaint += chunk; });
  const gone = once(child, "exit").then(() => { throw new Error(`${args.join(" ")} ended:\n${complaint}`); });
  const [line] = await Promise.race([once(createInterface({ input: child.stdout }), "line"), gone]);
  gone.catch(() => {});
  return {
    port: Number(line),
    close: async () => {
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    },
  };
}

/** By name: how to start it under a prefix, or why it cannot be started here. */
export const INSTALLED = Object.fromEntries(
  Object.entries(PROGRAMS).map(([name, { has, missing, command }]) => [name, has() ? { start: (prefix) => started(command(prefix)) } : { missing }]),
);
