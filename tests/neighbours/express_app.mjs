// What applications do with req.session and res beside examples/express/app.js.
import { Readable } from "node:stream";
import { inspect } from "node:util";
import express from "../../examples/express/node_modules/express/index.js";
import createError from "../../examples/express/node_modules/http-errors/index.js";
import { Redis } from "../../examples/express/node_modules/ioredis/built/index.js";
import { phpSessions } from "../../examples/express/phpsess.js";

const app = express();
const cookie = JSON.parse(process.env.COOKIE ?? '{"domain":"example.org","secure":true,"sameSite":"strict"}');
app.use(phpSessions({ redis: process.env.REDIS, cookie }));

app.get("/write", (req, res) => { req.session.n = 1; res.write("first,"); res.end("last"); });
app.get("/head", (req, res) => {
  req.session.n = 1;
  res.setHeader("X-Set", "1");
  res.writeHead(200, "Fine", { "X-Head": "1", "Set-Cookie": "other=1" });
  res.end("whole");
});
app.get("/raw", (req, res) => { req.session.n = 1; res.writeHead(200, ["X-Head", "1", "X-Head", "2"]).end("whole"); });
app.get("/pipe", (req, res) => {
  req.session.n = 1;
  Readable.from(Array.from({ length: 300 }, () => Buffer.alloc(10_000, "x"))).pipe(res);
});
app.post("/logout", (req, res) => { req.session = null; res.write("first,"); res.end("last"); });
app.get("/events", (req, res) => {
  req.session.n = 1;
  res.writeHead(200, { "Content-Type": "text/event-stream" });
  res.flushHeaders();
  res.write("data: 1\n\n");
});
app.post("/end", (req, res) => { req.session.n = 2; res.end(5); });
app.post("/double", (req, res) => { req.session.n = 2; res.json({}); res.status(404).json({ a: 1 }); });
app.post("/late", (req, res) => { req.session.n = 2; res.write("first,"); throw new Error("too late"); });
app.post("/unstored", (req, res) => { req.session.n = 10n ** 400n; res.write("first,"); res.end("last"); });

const deep = (levels) => (levels === 0 ? 1 : [deep(levels - 1)]);
const values = {
  undefined: undefined, function: () => 1, symbol: Symbol("x"), tojson: { toJSON() {} },
  nested: { a: () => 1, b: Symbol("x"), c: { toJSON() {} }, d: [() => 1, undefined], e: "kept" },
  surrogate: "\ud800", pair: "\ud83d\ude00", slashes: "\\".repeat(20e6) + "ud800", text: "é\"\\".repeat(8e6),
  huge: 10n ** 400n, big: 10n ** 300n, deep: deep(512), deepest: deep(511), name: { "\udfff": 1 }, sesame: "sesame \ud800", nan: 0 / 0,
};
app.post("/set/:what", (req, res) => { req.session.x = values[req.params.what]; res.json({}); });
app.post("/form", (req, res) => {
  const { form } = req.session;
  form.k = 2;
  res.json({ admin: [form.admin ?? null, {}.admin ?? null, req.session.admin ?? null] });
});
app.post("/name", (req, res) => { req.session["\ud800"] = 1; res.json({}); });
app.post("/count", (req, res) => { req.session.n = (req.session.n ?? 0) + 1; res.json({ n: req.session.n }); });

app.post("/unreleased", async (req, res) => { // the release finds waiters that are none
  const redis = new Redis(process.env.REDIS), waiters = `PHPREDIS_SESSION:${req.query.id}_WAITERS`;
  await redis.multi().del(waiters).set(waiters, "x").exec();
  redis.disconnect();
  req.session.secret = "sesame-0123456789";
  res.json({});
});
app.post("/in-and-out", async (req, res) => {
  await req.sessionLogin("Ada");
  req.session = null;
  res.json({});
});
const changes = {
  login: (req) => req.sessionLogin("Ada"),
  clear: (req) => { req.session = null; },
  set: (req) => { (req.session ??= {}).flash = "bye"; },
  pop: (req) => { for (const name of Object.keys(req.session)) delete req.session[name]; },
  other: (req) => { req.session = { flash: "bye" }; },
  update: (req) => { req.session = { ...req.session, flash: "bye" }; },
  none: (req) => { delete req.session; },
  fail: () => { throw new Error("this request fails"); },
};
app.post("/do/:ops", async (req, res) => {
  for (const op of req.params.ops.split("-")) await changes[op](req);
  res.json({});
});
app.post("/after", (req, res) => {
  res.json({});
  setImmediate(() => req.sessionLogin("Ada").then(() => console.log("in"), (error) => console.log("late:", error.message)));
});
app.post("/in", async (req, res) => {
  await req.sessionLogin("Ada").then(() => console.log("in"), (error) => console.log("late:", error.message));
  res.json({});
});
app.post("/two", async (req, res) => { // a login of another user in the same request
  await req.sessionLogin("Eve");
  await req.sessionLogin("Ada");
  req.session.user = "Ada";
  res.json({});
});
app.post("/failing-login", async (req, res) => {
  await req.sessionLogin("Ada");
  await req.sessionLogin("Eve").then(() => res.status(500), () => {});
  req.session.user = "Ada";
  res.json({});
});
app.post("/refuse", (req) => { req.session.n = 2; throw createError(404); });

app.use((error, req, res, next) => {
  console.log("error:", inspect(error, { depth: 10 })); // as console.error() shows it
  if (req.path === "/unstored") throw error; // also one that fails itself
  next(error);
});
app.listen(process.env.PORT, "127.0.0.1");
