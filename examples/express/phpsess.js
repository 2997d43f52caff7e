// PHP's session as req.session in Express: the same cookie, the same values, the same lock (docs/wire-format.md).
//
//   app.use(phpSessions({ redis: "redis://127.0.0.1:6379/0", ttl: 1440 }))
//
// A request that brings the cookie holds the session's lock until it is answered, as a PHP page does; what changed is
// written before the end of the answer. Requests for which readOnly(req) is true take no lock, and change nothing.
// `req.session = null` destroys the session. Numbers that JavaScript would change (integers over 2^53, 1.0) are
// LosslessNumber, with their text in `.value`.

import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { pathToFileURL } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { LosslessNumber, parse, stringify } from "lossless-json";

// Milliseconds. The first three are those of the scripts.
const HANDOFF = 1000, SLACK = 5, FOREIGN = 10, RECHECK = 5000;
const REPEAT = 10_000, RECEIPT = 20_000; // how long a release is repeated, and how long Redis knows the repeat
const PASSING = /^(LOADING|BUSY|TRYAGAIN|MASTERDOWN|READONLY)/;
// ioredis must repeat nothing by itself: each ACQUIRE that is sent needs a token of its own.
const ONCE = { maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false, reconnectOnError: null,
               autoResubscribe: false, connectTimeout: 2000, retryStrategy: (times) => Math.min(50 * times, 1000) };

export class LockBusy extends Error {}
export class NotSaved extends Error {}

export function phpSessions({ redis: url = "redis://127.0.0.1:6379/0", scripts, prefix = "PHPREDIS_SESSION:",
                              cookie = "PHPSESSID", ttl = 1440, wait = 10_000, lease = 10_000, maxHold = 300_000,
                              maxWaiters = 0, mixed = false, readOnly = () => false, secure = false } = {}) {
  const its = { redis: new Redis(url, { ...ONCE, socketTimeout: 7000 }), scripts: load(scripts), prefix, ttl, wait,
                lease, maxHold, maxWaiters, mixed: Number(mixed) };
  its.redis.on("error", () => {}); // what fails says so itself

  return async (req, res, next) => {
    let session = null, values = {};
    try {
      const id = cookieOf(req, cookie);
      if (id !== null && readOnly(req)) {
        values = Object.freeze(decode((await run(its, "read", [prefix + id, `${prefix}${id}_DEAD`], [ttl]))[0]));
      } else if (id !== null) {
        session = new Session(its, id);
        if (await session.enter("known")) values = decode(session.data);
        else session = null;
      }
    } catch (error) {
      await session?.leave("none").catch(() => {});
      return next(error);
    }
    req.session = values;
    if (readOnly(req)) return next();

    const end = res.end;
    let ended = false;
    res.once("close", () => { if (!ended) session?.leave("none").catch(() => {}); }); // the client went away
    res.end = function (...args) {
      if (ended) return res;
      ended = true;
      save().then(() => end.apply(res, args), (error) => {
        res.end = end;
        res.headersSent ? res.destroy(error) : next(error);
      });
      return res;
    };
    next();

    async function save() {
      const found = req.session;
      if (res.statusCode >= 500) return session?.leave("none"); // a request that failed writes nothing
      const isNew = session === null && found && Object.keys(found).length > 0;
      if (isNew) {
        session = new Session(its, randomBytes(16).toString("hex"));
        await session.enter("any");
      }
      if (session === null) return;
      try {
        session.data = found ? encode(found, session.data) : null;
      } catch (error) {
        await session.leave("none");
        throw error;
      }
      await session.save();
      if (isNew || session.data === null) {
        res.cookie(cookie, isNew ? session.id : "", { path: "/", httpOnly: true, sameSite: "lax", secure,
                                                     ...(isNew ? {} : { maxAge: 0 }) });
      }
    }
  };
}

/** A session that is locked for us. */
class Session {
  constructor(its, id) {
    const key = its.prefix + id;
    Object.assign(this, { its, id, key, lock: `${key}_LOCK`, wake: `${key}_WAKE`, waiters: `${key}_WAITERS`,
                          dead: `${key}_DEAD`, base: `o:${randomBytes(16).toString("hex")}`, queued: false });
  }

  /** Takes the lock, waiting for our turn, and reads the session. False if there is none. */
  async enter(mode) {
    const { its } = this, info = `${hostname()}|${process.pid}|node|`;
    const longest = Math.min(Math.max(Math.floor(its.lease / 2), HANDOFF + SLACK), RECHECK);
    const deadline = performance.now() + its.wait;
    let sends = 0, broken = 0, held = "", own = null;
    try {
      for (;;) {
        const token = `${this.base}:${++sends}`;
        const left = Math.max(0, Math.floor(deadline - performance.now()));
        const recheck = broken ? HANDOFF + SLACK : Math.floor(longest * (0.75 + Math.random() / 4));
        try {
          const [reply, ...rest] = await run(its, "acquire",
            [this.key, this.lock, this.wake, this.waiters, this.dead],
            [this.base, token, held, mode, info, its.lease, its.ttl, left, its.maxWaiters, recheck,
             its.mixed]);
          const word = String(reply);
          if (word === "ok") return await this.entered(token, rest[0], rest[1], mode);
          if (word === "absent") return false;
          if (word === "full") throw new LockBusy(`${rest[0]} others wait for the session`);
          const block = rest[2];
          if (block === 0) throw new LockBusy(`${shown(rest[0])} still holds the session after ${its.wait} ms`);
          this.queued = true;
          broken = 0;
          if (block <= FOREIGN) {
            await sleep(block);
            continue;
          }
          // Whoever blocks needs a connection of its own: all others' commands would wait behind it.
          own ??= its.redis.duplicate({ ...ONCE, socketTimeout: RECHECK + 2000 }).on("error", () => {});
          const popped = await own.callBuffer("BLPOP", this.wake, block / 1000);
          if (popped === null) continue;
          const [ticket, , tombstone, value] = split(popped[1]);
          held = `t:${ticket}`; // ours even if the reply to the claim is lost
          if (await run(its, "claim", [this.lock, this.waiters], [held, its.lease, this.base, info])) {
            return await this.entered(held, value[0] === 0x31 ? value.subarray(1) : null, tombstone, mode);
          }
        } catch (error) {
          if (error instanceof LockBusy || error.name === "ReplyError") throw error;
          own?.disconnect();
          own = null;
          if (++broken > 1 && !(this.queued && performance.now() < deadline)) throw error;
          await sleep(broken > 1 ? 50 : 0);
        }
      }
    } finally {
      own?.disconnect();
    }
  }

  async entered(token, data, tombstone, mode) {
    Object.assign(this, { token, data, loaded: data, tombstone: tombstone ?? "" });
    if (mode !== "known" || data !== null) return true;
    await this.leave("none"); // it was destroyed while we waited
    return false;
  }

  /** Writes what changed, or refreshes the TTL, and releases the lock. */
  async save() {
    const same = this.loaded !== null && this.data !== null && this.loaded.equals(this.data);
    let word = await this.leave(this.data === null ? "del" : same ? "keep" : "set", this.data ?? "");
    if (word === "gone") word = await this.leave("set", this.data);
    if (word !== "ok") throw new NotSaved({ lost: "the lock was lost", dead: "the session was destroyed" }[word] ?? word);
  }

  /** Sends one release until it is answered. A repeat has the same arguments, and gets the same answer. */
  async leave(op, data = "") {
    const { its } = this, until = performance.now() + REPEAT;
    const keys = [this.key, this.lock, this.wake, this.waiters, `${this.key}_DONE:${this.token}`, this.dead];
    const args = [this.token, this.queued ? this.base : "", op, op === "set" ? data : "", its.ttl, this.tombstone, 0, 0,
                  randomBytes(16).toString("hex"), RECEIPT, its.mixed, its.maxHold];
    for (;;) {
      try {
        return String((await run(its, "release", keys, args))[0]);
      } catch (error) {
        if (error.name === "ReplyError" && !PASSING.test(error.message)) throw error;
        if (performance.now() > until) throw error;
        await sleep(20);
      }
    }
  }
}

// A session as an object, and back. A top-level member that did not change keeps its text, byte for byte.

const number = (text) => (String(Number(text)) === text ? Number(text) : new LosslessNumber(text));
const read = (text) => parse(text, null, number);
const isTag = (names) => names.length === 1 && ["$bytes", "$float", "$map", "$object"].includes(names[0]);

function decode(data) {
  const values = Object.create(null); // where __proto__ is a name like any other
  for (const [name, text] of data === null ? [] : members(data)) values[name] = read(text);
  return values;
}

function encode(values, before) {
  const old = before === null ? new Map() : members(before);
  const kept = [...old.keys()].filter((name) => values[name] !== undefined);
  const added = Object.keys(values).filter((name) => !old.has(name) && values[name] !== undefined);
  const texts = [...kept, ...added].map((name) => {
    const text = stringify(values[name]), raw = old.get(name);
    if (/(?<!\\)(?:\\\\)*\\ud[89a-f]/.test(text)) throw new NotSaved(`${name} holds half a surrogate pair: PHP could not read it`);
    return `${JSON.stringify(name)}:${raw !== undefined && stringify(read(raw)) === text ? raw : text}`;
  });
  const after = Buffer.from(`{${texts.join(",")}}`);
  if ((isTag([...old.keys()]) || isTag([...kept, ...added])) && !before?.equals(after)) {
    throw new NotSaved("the session as a whole is a tag, or would look like one: it cannot be changed here");
  }
  return after;
}

/** The members of a JSON object: name -> its value's text. */
function members(data) {
  if (["28b52ffd", "04224d18"].includes(data.toString("hex", 0, 4))) { // zstd, lz4
    throw new Error("the session is compressed: set rustredis.compression=none in PHP, and let PHP write it again");
  }
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
  if (!/^\s*\{/.test(text)) throw new Error("the session is not a JSON object: is session.serialize_handler=json?");
  parse(text); // refuses what is no JSON
  // A string, a bracket, a comma or a colon; what lies between two of them is of no interest.
  const found = new Map(), tokens = text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{},:]/g);
  let depth = 0, name = null, start = 0;
  for (const { 0: token, index } of tokens) {
    if (depth === 1 && name !== null && (token === "," || token === "}")) {
      found.set(name, text.slice(start, index).trim());
      name = null;
    }
    if (token === "{" || token === "[") depth++;
    else if (token === "}" || token === "]") depth--;
    else if (depth === 1 && name === null && token[0] === '"') name = JSON.parse(token);
    else if (depth === 1 && token === ":") start = index + 1;
  }
  return found;
}

// Redis and HTTP

function load(folder) {
  const beside = new URL("./scripts/", import.meta.url);
  const base = folder ? pathToFileURL(`${folder}/`) : existsSync(beside) ? beside
                                                      : new URL("../../src/store/scripts/", import.meta.url);
  return Object.fromEntries(["acquire", "claim", "release", "read"].map((name) => {
    const text = readFileSync(new URL(`${name}.lua`, base));
    return [name, { text, sha: createHash("sha1").update(text).digest("hex") }];
  }));
}

async function run({ redis, scripts }, name, keys, args) {
  const { text, sha } = scripts[name];
  try {
    return await redis.callBuffer("EVALSHA", sha, keys.length, ...keys, ...args);
  } catch (error) {
    if (!error.message.startsWith("NOSCRIPT")) throw error;
    return redis.callBuffer("EVAL", text, keys.length, ...keys, ...args);
  }
}

/** `<id>\n<ms>\n<tombstone>\n<0|1><data>`: at the first three newlines only. */
function split(ticket) {
  const parts = [];
  for (let i = 0; i < 3; i++) {
    const end = ticket.indexOf(0x0a);
    parts.push(ticket.subarray(0, end).toString());
    ticket = ticket.subarray(end + 1);
  }
  return [...parts, ticket];
}

function cookieOf(req, name) {
  for (const pair of (req.headers.cookie ?? "").split(";")) {
    const [key, value = ""] = pair.trim().split("=");
    if (key !== name) continue;
    let id = "";
    try {
      id = decodeURIComponent(value);
    } catch { /* not an id */ }
    return /^[A-Za-z0-9,-]{1,256}$/.test(id) ? id : null;
  }
  return null;
}

/** `<token>|<ms>|<host>|<pid>|<sapi>|<uri>`, or whatever another client writes. */
function shown(holder) {
  return String(holder).replace(/^[ot]:[^|]*\|\d*\|/, "").slice(0, 200).replace(/[^\x20-\x7e]/g, "?");
}
