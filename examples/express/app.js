// An Express app on PHP's sessions: REDIS and PORT say where they are.

import { setTimeout as sleep } from "node:timers/promises";
import express from "express";
import { phpSessions } from "./phpsess.js";

const app = express();
app.use(phpSessions({ redis: process.env.REDIS, ttl: 1440, readOnly: (req) => req.method === "GET" }));

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

app.post("/logout", (req, res) => {
  req.session = null;
  res.json({});
});

const server = app.listen(process.env.PORT ?? 3000, "127.0.0.1");
// The requests under way end first. Otherwise each would leave its lock for a lease.
process.once("SIGTERM", () => server.close(() => process.exit()));
