// Workload W for Restate's TypeScript SDK, which is installed beside the server's program.
import http from "node:http";
import http2 from "node:http2";
import { createRequire } from "node:module";

const restate = createRequire(process.env.PEER_SERVER)("@restatedev/restate-sdk");

// What a person would get by mail: the name of the awakeable that answers for an execution.
const awakeables = {};
const progress = { paused: 0, completed: 0 };

async function run(context, event) {
  if (event.amount <= 100) return "small";
  const { id, promise } = context.awakeable();
  awakeables[context.key] = id;
  await context.run("noted", () => {});
  progress.paused += 1;
  const outcome = await promise;
  await context.run("settled", () => {});
  progress.completed += 1;
  return outcome;
}

const bench = restate.workflow({ name: "bench", handlers: { run } });
const handler = restate.createEndpointHandler({ services: [bench] });
http2.createServer(handler).listen(Number(process.env.PEER_PORT_3), "127.0.0.1");

// Tells the load generator what it would otherwise have to query for.
http
  .createServer((request, response) => {
    const names = request.url.includes("?") ? awakeables : {};
    response.end(JSON.stringify({ ...progress, awakeables: names }));
  })
  .listen(Number(process.env.PEER_PORT_4), "127.0.0.1");
