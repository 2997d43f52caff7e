// An Express app on PHP's sessions: REDIS and PORT say where they are.

import { setTimeout as sleep } from "node:timers/promises";
import express from "express";
import { phpSessions } from "./phpsess.js";

const app = express();
const sessions = phpSessions({ redis: process.env.REDIS, ttl: 1440, readOnly: (req) => req.method === "GET" });
app.use(sessions);

app.get("/", (req, res) => {
  res.json({ user: req.session.user ?? null, n: req.session.n ?? null });
});

app.post("/count", async (req, res) => {
  const n = req.session.n ?? 0;
  await sleep(Number(req.query.hold_ms ?? 0)); // other requests of this session wait
  req.session.n = n + 1;
  res.json({ n: req.session.n });
});

app.post("/fail", (req) => {
  req.session.n = -1;
  throw new Error("this request fails");
});

app.post("/logout", async (req, res) => {
  req.session = null;
  await sleep(Number(req.query.hold_ms ?? 0)); // the session ends with the answer
  res.json({});
});

app.post("/login", async (req, res) => {
  const { label, again, limit = 0, on_limit: onLimit } = req.query;
  let done = await req.sessionLogin("Ada", { limit, onLimit, label });
  if (again) done = await req.sessionLogin("Ada", { limit, onLimit, label: again }); // after a second factor, say
  await sleep(Number(req.query.hold_ms ?? 0));
  if (done) req.session.user = "Ada"; // otherwise she is logged in elsewhere, and her password was right
  res.json({ done });
});

app.get("/devices", async (req, res) => {
  const found = req.session.user ? await sessions.devices(req.session.user) : [];
  res.json(found.map(({ id, handle, label }) => ({ handle, label, current: id === req.sessionId })));
});

app.post("/revoke", async (req, res) => {
  const { user } = req.session, only = req.query.handle; // without one, all others end
  res.json({ ended: user ? await req.sessionRevoke(user, { only, othersOnly: !only }) : 0 });
});

app.post("/password", async (req, res) => {
  const { user } = req.session; // the password was changed: a new id, and an end of all other sessions
  if (user) await req.sessionLogin(user, { label: req.query.label });
  res.json({ ended: user ? await req.sessionRevoke(user, { othersOnly: true }) : 0 });
});

const server = app.listen(process.env.PORT ?? 3000, "127.0.0.1");
// The requests under way end first. Otherwise each would leave its lock for a lease.
process.once("SIGTERM", () => server.close(() => process.exit()));
