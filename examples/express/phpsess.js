// PHP's session as req.session in Express: the same cookie, the same values, the same lock (docs/wire-format.md).
//
//   app.use(phpSessions({ redis: "redis://127.0.0.1:6379/0", ttl: 1440, cookie: { secure: true } }))
//
// A request that brings the cookie holds the session's lock until its answer begins, as a PHP page does; what changed
// is written before the first byte of it. Requests for which readOnly(req) is true take no lock, and change nothing.
// `req.session = null` destroys the session, and so does another object that has none of its members. The members of an
// object that is set later are those of a new session. Numbers that JavaScript would change (integers over 2^53, 1.0) are
// LosslessNumber, with their text in `.value`. `cookie` is its name and the options of res.cookie() (maxAge in ms): they
// must say what PHP's session.name and session.cookie_* say.

import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { pathToFileURL } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { LosslessNumber, parse, stringify } from "lossless-json";

// Milliseconds. The first three are those of the scripts.
const HANDOFF = 1000, SLACK = 5, FOREIGN = 10, RECHECK = 5000;
const TIMEOUT = RECHECK + 2000; // of one exchange
const REPEAT = 10_000, RECEIPT = 20_000; // how long a release is repeated, and how long Redis knows the repeat
const LOGIN = 10_000; // for so long a listed session that is not stored may be that of a login which is still running
const STORED = 500; // by so much a place on a list may be younger than the state of its session: two clocks
const MOVED = 10_000; // for so long a browser may still come with the old id after a login, as in PHP
// Redis 6 puts the reason of a script behind the place in it.
const PASSING = /^(LOADING|BUSY|TRYAGAIN|CLUSTERDOWN|MASTERDOWN|UNBLOCKED)\b|\b(READONLY|NOREPLICAS)\b/;
// ioredis must repeat nothing by itself: each ACQUIRE that is sent needs a token of its own. What is no master any more
// is left: its address is asked again.
const ONCE = { maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false,
               reconnectOnError: (error) => /READONLY|MASTERDOWN/.test(error.message) && 1,
               autoResubscribe: false, connectTimeout: 2000, retryStrategy: (times) => Math.min(50 * times, 1000) };

export class LockBusy extends Error {}
export class NotSaved extends Error {}

export function phpSessions({ redis: url = "redis://127.0.0.1:6379/0", scripts, prefix = "PHPREDIS_SESSION:",
                              cookie = {}, ttl = 1440, wait = 10_000, lease = 10_000, maxHold = 300_000,
                              maxWaiters = 12, mixed = false, readOnly = () => false } = {}) {
  const its = { redis: connect(url), scripts: load(scripts), prefix, ttl, wait, lease, maxHold, maxWaiters,
                mixed: Number(mixed), unanswered: [] };
  const { name, ...attributes } = { name: "PHPSESSID", path: "/", httpOnly: true, sameSite: "lax", ...cookie };

  return Object.assign(handle, { devices: (user) => devices(its, user),
                                 revoke: (user, options) => revoke(its, user, options) });

  async function handle(req, res, next) {
    if (res.closed) return; // the client left while something before us waited
    const id = cookieOf(req, name), reads = readOnly(req), since = performance.now();
    let session = null, values = {}, state = "", copy = null, left = false, over = false;
    let old = null, doomed = null; // the session that a login has left, or that ends with the answer
    let undone = null, cleared = false;
    const ids = new Set([id]); // those of this request's session: a login gives it another one
    res.once("close", () => { // answered, or the client went away
      left = true;
      for (const held of [session, old, doomed]) held?.abandon();
    });
    try {
      if (id !== null && reads) {
        values = Object.freeze(decode(await peek(its, id)));
      } else if (id !== null) {
        session = new Session(its, id);
        if (await session.enter("known")) {
          values = decode(session.data);
        } else {
          ({ before: state, copy } = session);
          values = decode(copy);
          session = null;
        }
      }
    } catch (error) {
      await session?.abandon();
      return left ? undefined : next(error);
    }
    if (left) return;
    Object.defineProperty(req, "session", { configurable: true, enumerable: true, get: () => values, set: replace });
    req.sessionId = id;
    req.sessionLogin = login;
    req.sessionRevoke = (user, { only, othersOnly } = {}) => revoke(its, user, { only, but: othersOnly ? [...ids] : [] });
    if (!reads) before(res, save, next);
    next();

    /** Null ends the session, and so does an object that has none of its members. */
    function replace(next) {
      const before = values, names = Object.keys(before || {});
      values = next ?? null;
      const isNew = !next || (names.length > 0 && !names.some((name) => Object.hasOwn(next, name)));
      if (reads || over || next === before || !isNew) return;
      cleared = true;
      if (session !== null && session.id !== id) { // a login in this request, which comes to nothing
        undone = Promise.all([undone, session.abandon()]);
        session = null;
      }
      doomed ??= old ?? session;
      [old, session] = [null, null];
    }

    /** Makes the session this user's, under a new id. False if the limit refuses that. Before the answer. */
    async function login(user, options = {}) {
      if (reads || copy !== null) throw new NotSaved("the session can be read and not changed");
      inTime();
      if (session !== null && session.id !== id) return session.bind(user, options); // once more: it has its new id
      values ||= {};
      if (session === null && doomed === null && await wasDestroyed(its, id, since, state)) {
        throw new NotSaved("the session was destroyed, or moved to a new id, while this request was under way");
      }
      const mine = new Session(its, randomBytes(16).toString("hex"));
      await mine.enter("any");
      try {
        if (session !== null) {
          mine.inherit(session);
          mine.data = session.data;
        }
        if (!await mine.bind(user, options)) {
          await mine.abandon();
          return false;
        }
        inTime();
      } catch (error) {
        await mine.abandon();
        throw error;
      }
      [old, session] = [session, mine];
      ids.add(mine.id);
      return true;
    }

    function inTime() {
      if (left || over) throw new NotSaved("the answer has begun, or the client has left");
    }

    async function save() {
      replace(req.session); // which may have been deleted
      const found = values, come = session, ends = doomed;
      [session, doomed, over] = [null, null, true]; // whatever comes of it
      if (res.statusCode >= 500) { // a request that failed writes nothing
        await Promise.all([come?.abandon(), ends?.abandon(), undone]);
        return;
      }
      if (left) return;
      let mine = come, data = null;
      try {
        data = found ? encode(found, come?.data ?? copy) : null;
        if (copy !== null) {
          if (!cleared && copy.equals(data)) return;
          throw new NotSaved("the session was moved to a new id; under the old one it can be read and not changed");
        }
        if (come === null && data !== null && String(data) !== "{}") {
          // The cookie of a new session would replace the one of a login.
          if (ends === null && await wasDestroyed(its, id, since, state)) {
            throw new NotSaved("the session was destroyed, or moved to a new id, while this request was under way");
          }
          mine = new Session(its, randomBytes(16).toString("hex"));
          ids.add(mine.id);
          await mine.enter("any");
        }
        await undone;
        if (ends !== null && mine === null) {
          ends.data = null;
          await ends.save();
        } else if (ends !== null && !await ends.retire()) { // its mark keeps late requests from a cookie of their own
          throw new NotSaved("the session was ended meanwhile");
        }
      } catch (error) {
        await Promise.all([mine?.abandon(), ends?.abandon()]);
        throw error;
      }
      if (mine === null) return ends && [name, "", { ...attributes, maxAge: 0 }];
      mine.data = data;
      await mine.save();
      const before = old;
      old = null;
      if (before !== null && !await before.retire()) {
        const list = mine.fields()[7];
        await end(its, list, [{ id: mine.id, value: "", bumped: 0 }], 0, "revoked");
        if (list) await changeList(its, list, "drop", mine.id);
        throw new NotSaved("the session was ended meanwhile");
      }
      if (mine.id !== id) return [name, mine.id, attributes];
    }
  }
}

/** Lets `save` run before the first byte of an answer; what is written until then is kept back. */
function before(res, save, next) {
  const names = ["writeHead", "flushHeaders", "write", "end"], headers = ["setHeader", "appendHeader", "removeHeader"];
  const original = Object.fromEntries([...names, ...headers].map((name) => [name, res[name]])), kept = [];
  let state = "open", status = [];
  const sent = () => Reflect.get(Object.getPrototypeOf(res), "headersSent", res);
  Object.defineProperty(res, "headersSent", { configurable: true, get: () => state === "saving" || sent() });
  for (const name of names) {
    res[name] = function (...args) {
      if (state === "done") return original[name].apply(res, args);
      if (name === "writeHead") head(res, args);
      else kept.push([name, args]);
      if (state === "open") {
        state = "saving";
        status = [res.statusCode, res.statusMessage];
        save().then(go).catch(fail);
      }
      return name === "write" ? false : res; // whoever pipes waits for "drain"
    };
  }

  // A second answer in the same request is an error, as without us.
  for (const name of headers) {
    res[name] = function (...args) {
      if (state === "saving") {
        throw Object.assign(new Error("Cannot set headers after they are sent to the client"), { code: "ERR_HTTP_HEADERS_SENT" });
      }
      return original[name].apply(res, args);
    };
  }

  function go(cookie) {
    let flows = false;
    state = "done";
    [res.statusCode, res.statusMessage] = status;
    if (cookie) res.cookie(...cookie);
    for (const [name, args] of kept) {
      const result = original[name].apply(res, args);
      if (name !== "flushHeaders") flows = name === "write" && result;
    }
    if (flows) res.emit("drain");
  }

  function fail(error) {
    state = "done";
    Object.assign(res, original);
    try {
      if (sent()) throw error;
      for (const name of ["Content-Length", "ETag"]) res.removeHeader(name);
      next(error);
    } catch (error) {
      res.destroy(error);
    }
  }
}

/** writeHead(status, [message], [headers]): what it says, but nothing is sent yet. */
function head(res, [status, message, headers]) {
  res.statusCode = status;
  if (typeof message === "string") res.statusMessage = message;
  else headers = message;
  if (Array.isArray(headers)) {
    const flat = headers.flat();
    for (let i = 0; i < flat.length; i += 2) res.appendHeader(flat[i], flat[i + 1]);
  } else {
    for (const [name, value] of Object.entries(headers ?? {})) if (value !== undefined) res.setHeader(name, value);
  }
}

/** A session that is locked for us. */
class Session {
  constructor(its, id) {
    const key = its.prefix + id;
    Object.assign(this, { its, id, key, lock: `${key}_LOCK`, wake: `${key}_WAKE`, waiters: `${key}_WAITERS`,
                          stateKey: `${key}_STATE`, waiter: `o:${randomBytes(16).toString("hex")}`, queued: false,
                          inside: false, unwanted: false, own: null, before: null, copy: null,
                          fresh: "", earlier: "", places: new Map(), bound: 0, read: 0 });
  }

  /** Those of the state, or [] if there is none of this session: that of an earlier one may be there. */
  fields() {
    return liveFields(this.fresh || (this.loaded ? this.state : ""));
  }

  /** Continues the session that is locked under another id. Without its state, each login would begin a new lifetime. */
  inherit(other) {
    const fields = other.fields();
    this.read = other.read;
    if (fields.length === 0) return;
    fields[5] = Date.now();
    this.fresh = fields.join("|");
    if (fields[7]) this.earlier = other.id;
  }

  /** Makes it a session of this user, from the next save() on. False if the limit refuses that. */
  async bind(user, { limit = 0, onLimit = "oldest", label = "" } = {}) {
    const { its } = this, list = listName(user), now = Date.now(), found = this.fields();
    const fields = found.length ? found : ["live", now, "", "", "", now, "", "", ""], known = fields[7] === list;
    if (!known) { // the end counts from the login, and pages with another lifetime change nothing
      const begun = Math.max(Number(fields[1]), Number(fields[2]));
      if (fields[4]) fields[4] = now + Number(fields[4]) - begun;
      [fields[2], fields[3]] = [now, fields[3] || its.ttl];
    }
    const bytes = Buffer.from(label.replace(/\p{Cc}/gu, " ")).subarray(0, 512);
    [fields[5], fields[7], fields[8]] = [now, list, String(bytes).replace(/\ufffd$/, "")];
    const life = lifeOf(fields, its.ttl);
    // The earlier id lives until this one is stored, and a revocation must find it.
    const ask = (fate) => listed(its, list, "bind", this.id, life, this.earlier, limit, fate, 1, known ? "" : age());
    // Another session may have been ended under that id before this one was read.
    const age = () => Math.floor(performance.now() - this.read);
    let answer = await ask(limit > 1 ? "refuse" : onLimit);
    if (answer.full) { // before one is ended for it, those go that do not count
      const weeded = await weed(its, list, answer);
      if (weeded || onLimit !== "refuse") answer = await ask(onLimit);
    }
    if (answer.full) return false;
    if (answer.victims.some(({ id }) => id === this.id)) {
      throw new NotSaved("another request has ended the session meanwhile, by the limit of a login or a revocation");
    }
    this.fresh = fields.join("|");
    this.isOn(list, answer.now, life);
    return true;
  }

  /** Remembers a place on a list that the session has before it is stored with this user. */
  isOn(list, now, life) {
    if (this.loaded && liveFields(this.state)[7] === list) return;
    this.places.set(list, `${now}|${now + life}`);
    this.bound = performance.now();
  }

  /** Renews its place on the list of its user. False if a limit has chosen it meanwhile. */
  async bump() {
    const { its } = this, fields = this.fields();
    const life = lifeOf(fields, its.ttl);
    return (await changeList(its, fields[7], "bump", this.id, life, this.earlier, "", "", 1)).found.length === 0;
  }

  /** Takes the lock, waiting for our turn, and reads the session. False if there is none. */
  async enter(mode) {
    const { its } = this, info = `${hostname()}|${process.pid}|node|`;
    const longest = Math.min(Math.max(Math.floor(its.lease / 2), HANDOFF + SLACK), RECHECK);
    const deadline = performance.now() + its.wait;
    const unanswered = [];
    let sends = 0, broken = 0, heldToken = "";
    try {
      for (;;) {
        const token = `${this.waiter}:${++sends}`;
        const left = this.unwanted ? 0 : Math.max(0, Math.floor(deadline - performance.now()));
        const recheck = broken ? HANDOFF + SLACK : Math.floor(longest * (0.75 + Math.random() / 4));
        try {
          const [reply, ...rest] = await run(its, "acquire",
            [this.key, this.lock, this.wake, this.waiters, this.stateKey],
            [this.waiter, token, heldToken, mode, info, its.lease, its.ttl, left, its.maxWaiters, recheck,
             its.mixed]);
          const word = String(reply);
          if ((word === "ok" || word === "absent") && String(rest.pop()) !== token) {
            its.redis.disconnect(true); // all further answers would be to other requests, too
            throw new Error("an answer to another request");
          }
          await tidy(its);
          // The state before we waited: perhaps the mark of an earlier session's end.
          if (word === "busy" || word === "absent") this.before ??= String(rest.at(-1) ?? "");
          if (word === "ok") return await this.entered(token, rest[0], rest[1], mode);
          if (word === "absent") {
            this.copy = await copyOf(its, this.key, rest.at(-1));
            return false;
          }
          if (word === "full") throw new LockBusy(`${rest[0]} others wait for the session`);
          const block = rest[2];
          if (block === 0) throw new LockBusy(`${shown(rest[0])} still holds the session after ${its.wait} ms`);
          this.queued = true;
          broken = 0;
          if (block <= FOREIGN) {
            await sleep(block);
            continue;
          }
          if (this.unwanted) continue;
          // A blocking command needs a connection of its own: other commands would wait behind it.
          this.own ??= watch(its.redis.duplicate());
          const popped = await send(this.own, "BLPOP", this.wake, block / 1000);
          if (popped === null) continue;
          const [ticket, , state, value] = split(popped[1]);
          heldToken = `t:${ticket}`; // ours even if the reply to the claim is lost
          const args = [heldToken, its.lease, this.waiter, info];
          if (await run(its, "claim", [this.lock, this.waiters, this.stateKey], args)) {
            return await this.entered(heldToken, value[0] === 0x31 ? value.subarray(1) : null, state, mode);
          }
        } catch (error) {
          if (!passes(error)) throw error;
          this.own?.disconnect();
          this.own = null;
          unanswered.push([this, token], [this, heldToken]);
          if (++broken > 1 && !(this.queued && performance.now() < deadline)) {
            its.unanswered = [...its.unanswered, ...unanswered].slice(-100);
            throw error;
          }
          await sleep(broken > 1 ? 50 : 0);
        }
      }
    } finally {
      this.own?.disconnect();
    }
  }

  async entered(token, data, state, mode) {
    Object.assign(this, { token, data, loaded: data, state: state ?? "", read: performance.now() });
    if (mode === "known" && data === null) {
      await this.leave("none"); // it was destroyed while we waited
      this.copy = await copyOf(this.its, this.key, state);
      return false;
    }
    if (data !== null) await stayListed(this.its, this.id, state);
    this.inside = true;
    if (!this.unwanted) return true;
    await this.abandon();
    throw new LockBusy("the client left while it waited");
  }

  /** Gives the lock back and writes nothing, also if it is just being waited for. */
  async abandon() {
    this.unwanted = true;
    this.own?.disconnect();
    if (!this.inside) return;
    this.inside = false;
    try {
      if (await this.leave("none") !== "ok") return;
      for (const [list, value] of this.places) await forget(this.its, list, [{ id: this.id, value }]);
    } catch { /* the lease ends it */ }
  }

  /** Writes what changed, or refreshes the TTL, and releases the lock. */
  async save() {
    const same = this.loaded !== null && this.data !== null && this.loaded.equals(this.data), fields = this.fields();
    const list = fields[7] ?? "";
    if (list && (this.fresh || isStale(fields, this.its.ttl))) {
      fields[5] = Date.now(); // so that it stays on the list
      this.fresh = fields.join("|");
    }
    if (list && this.places.size > 0 && performance.now() - this.bound > LOGIN / 2) {
      if (!await this.bump()) { // so that nobody takes it for one that is never stored
        await this.abandon();
        throw new NotSaved("another request has ended the session meanwhile, by the limit of a login");
      }
    }
    const state = this.data === null ? "" : this.fresh;
    let word = await this.leave(this.data === null ? "logout" : same ? "keep" : "set", this.data ?? "", REPEAT, state);
    if (word === "gone") word = await this.leave("set", this.data, REPEAT, state);
    const dead = this.data === null ? "the session was moved to a new id, and goes on" : "the session was destroyed";
    if (word !== "ok") throw new NotSaved({ lost: "the lock was lost", dead }[word] ?? word);
    if (list && this.data === null) await changeList(this.its, list, "drop", this.id);
    else if (list && state) await this.bump();
    for (const other of this.places.keys()) if (other !== list) await changeList(this.its, other, "drop", this.id);
    this.places.clear();
  }

  /** Ends it because it goes on under another id. False if it was ended from elsewhere meanwhile. */
  async retire() {
    const list = this.fields()[7], left = await this.leave("retire", "", REPEAT, "regenerated") === "ok";
    if (left && list) await changeList(this.its, list, "drop", this.id);
    return left;
  }

  /** Sends one release until it is answered. A repeat has the same arguments, and gets the same answer. */
  async leave(op, data = "", repeat = REPEAT, state = "") {
    const { its } = this, until = performance.now() + repeat;
    const keys = [this.key, this.lock, this.wake, this.waiters, `${this.key}_DONE:${this.token}`, this.stateKey];
    if (op === "retire") keys.push(`${this.key}_OLD`);
    const args = [this.token, this.queued ? this.waiter : "", op, op === "set" ? data : "", op === "retire" ? 0 : its.ttl,
                  this.state ?? "", 0, 0, randomBytes(16).toString("hex"), RECEIPT, its.mixed, its.maxHold, state];
    for (;;) {
      try {
        return await withoutCopy(its, (await run(its, "release", keys, args))[0]);
      } catch (error) {
        if (!passes(error) || performance.now() > until) throw error;
        await sleep(20);
      }
    }
  }
}

// A session as an object, and back. A top-level member that did not change keeps its text, byte for byte.

const number = (text) => (String(Number(text)) === text ? Number(text) : new LosslessNumber(text));
const PLAIN = { parseNumber: number, onDuplicateKey: ({ newValue }) => newValue }; // the last one, as for PHP
const read = (text) => (text[0] === '"' ? JSON.parse(text) : parse(text, null, PLAIN)); // a long text in no time
const isTag = (names) => names.length === 1 && ["$bytes", "$float", "$map", "$object"].includes(names[0]);

function decode(data) {
  const values = Object.create(null); // where __proto__ is a name like any other
  for (const [name, text] of data === null ? [] : members(data)) values[name] = read(text);
  return values;
}

function encode(values, before) {
  const old = before === null ? new Map() : members(before), texts = new Map();
  const added = Object.keys(values).filter((name) => !old.has(name));
  for (const name of [...old.keys(), ...added]) {
    const text = stringify(values[name]), raw = old.get(name);
    if (text === undefined) continue; // it has no JSON: undefined, a function, a symbol
    const same = raw !== undefined && (raw === text || stringify(read(raw)) === text);
    texts.set(name, same ? raw : readable(`${JSON.stringify(name)}:${text}`, text));
  }
  const after = Buffer.from(`{${[...texts].map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(",")}}`);
  if ((isTag([...old.keys()]) || isTag([...texts.keys()])) && !before?.equals(after)) {
    throw new NotSaved("the session as a whole is a tag, or would look like one: it cannot be changed here");
  }
  return after;
}

/** Refuses a member that PHP could not read: it would keep the session aside, and the user would be logged out. */
function readable(member, text) {
  const refuse = (what) => {
    throw new NotSaved(`${member.split(":", 1)[0].slice(0, 50)} has ${what}: PHP could not read it`);
  };
  JSON.parse(`{${member}}`); // refuses what is no JSON
  let depth = 1, last = 0; // the session itself is the first level
  for (const [token, start, end] of tokens(`${member}}`)) {
    if (Math.abs(Number(member.slice(last, start))) === Infinity) refuse("a number beyond 1.8e308");
    last = end;
    if (token === "[" || token === "{") {
      if (++depth > 512) refuse("more than 512 levels");
    } else if (token === "]" || token === "}") {
      depth--;
    }
  }
  // JSON.stringify() escapes such a half, and no other character above U+001F.
  for (let at = 0; (at = member.indexOf("\\ud", at)) >= 0; at += 3) {
    if (!escaped(member, at)) refuse("half a surrogate pair");
  }
  return text;
}

/** The members of a JSON object: name -> its value's text. */
function members(data) {
  if (data.length === 0) return new Map(); // PHP's serializer php writes an empty session so
  if (["28b52ffd", "04224d18"].includes(data.toString("hex", 0, 4))) { // zstd, lz4
    throw new Error("the session is compressed: set rustredis.compression=none in PHP, and let PHP write it again");
  }
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
  let is = /^\s*\{/.test(text);
  try {
    JSON.parse(text); // refuses what is no JSON, with a piece of it in the message
  } catch {
    is = false;
  }
  if (!is) throw new Error("the session is not a JSON object: is session.serialize_handler=json?");
  const found = new Map();
  let depth = 0, name = null, from = 0;
  for (const [token, start, end] of tokens(text)) {
    if (depth === 1 && name !== null && (token === "," || token === "}")) {
      found.set(name, text.slice(from, start).trim());
      name = null;
    }
    if (token === "{" || token === "[") depth++;
    else if (token === "}" || token === "]") depth--;
    else if (depth === 1 && name === null && token === '"') name = JSON.parse(text.slice(start, end));
    else if (depth === 1 && token === ":") from = end;
  }
  return found;
}

/** A string, a bracket, a comma or a colon: [first character, start, end]. What lies between two is of no interest. */
function* tokens(text) {
  for (let at = 0; at < text.length; at++) {
    if (!'"[]{},:'.includes(text[at])) continue;
    const start = at;
    if (text[at] === '"') do at = text.indexOf('"', at + 1); while (escaped(text, at));
    yield [text[start], start, at + 1];
  }
}

/** Returns true if an odd number of backslashes precedes this index. */
function escaped(text, at) {
  let from = at;
  while (text[from - 1] === "\\") from--;
  return (at - from) % 2 === 1;
}

// The sessions of a user

const listName = (user) => createHash("sha256").update(user).digest("hex").slice(0, 32);

/** Those of the state of a living session, or []. */
function liveFields(state) {
  const parts = String(state ?? "").split("|");
  return parts[0] === "live" && parts.length > 8 ? [...parts.slice(0, 8), parts.slice(8).join("|")] : [];
}

/** Returns true if the session was not put on the list of its user for half an idle lifetime. */
const isStale = (fields, ttl) => Math.abs(Date.now() - fields[5]) > Number(fields[3] || ttl) * 500;

/** The ms that a state lives: two idle lifetimes, or one after the absolute end. */
function lifeOf(fields, ttl) {
  const idle = Number(fields[3] || ttl) * 1000;
  return fields[4] ? idle + Math.max(0, fields[4] - Date.now()) : 2 * idle;
}

/** Keeps a session on the list of its user that is used, and perhaps never saved. */
async function stayListed(its, id, state) {
  const fields = liveFields(state);
  if (!fields[7] || !isStale(fields, its.ttl)) return;
  await changeList(its, fields[7], "bump", id, lifeOf(fields, its.ttl), "").catch(() => {}); // the next use does
}

/** A name for a session that gives no access to it. */
const handleOf = (id) => createHash("sha256").update(`rustredis-handle\0${id}`).digest("hex").slice(0, 16);

/** The sessions of a user, for a page that shows them, the last used first. Times are in ms, or null. */
async function devices(its, user) {
  const list = listName(user), { now, others } = await listed(its, list, "list", ""), found = [], dead = [];
  for (const one of others) {
    const { fate, fields, ttl } = await fateOf(its, list, one, now, others);
    if (fate === "lives") {
      const [, created, authenticated, idle] = fields.map((field) => (field === "" ? null : Number(field)));
      const expires = ttl >= 0 ? now + ttl : null;
      found.push({ id: one.id, handle: handleOf(one.id), created, authenticated, expires, label: fields[8],
                   lastUsed: Math.max(one.bumped, (expires ?? 0) - (idle ?? its.ttl) * 1000) });
    } else if (fate === "dead") { // one that is missing may only be late at this server
      dead.push(one);
    }
  }
  await forget(its, list, dead);
  return found.sort((a, b) => b.lastUsed - a.lastUsed);
}

/**
 * Ends the sessions of a user: all, that with the handle `only`, or all but the id or ids `but`. How many they were.
 * A request that logs in has two ids until it is saved: req.sessionRevoke() knows them.
 */
async function revoke(its, user, { only = null, but = [] } = {}) {
  const list = listName(user), spared = new Set([but].flat()), done = new Set(spared);
  for (let count = 0;;) { // one that has got another id meanwhile is there the next time
    const { now, others } = await listed(its, list, "list", ""), meant = [];
    for (const one of others) {
      const names = [one.id, ...one.value.split("|").slice(2)]; // it may be on its way to its new id
      if (done.has(one.id) || (only !== null && !names.map(handleOf).includes(only))) continue;
      if (spared.size === 0 || ![...names, await copyIdOf(its, one.id)].some((name) => spared.has(name))) meant.push(one);
    }
    if (meant.length === 0) return count;
    count += await end(its, list, meant, now, "revoked");
    for (const { id } of meant) done.add(id);
  }
}

/** The id that this session had before, if PHP has left a copy there for late requests. */
async function copyIdOf(its, id) {
  const fields = liveFields(await once(() => send(its.redis, "GET", `${its.prefix}${id}_STATE`)));
  return fields[6]?.split(":")[1];
}

/** What user.lua answers. The victims of a limit are ended at once. */
async function listed(its, list, op, ...args) {
  const { word, now, found } = await changeList(its, list, op, ...args);
  const all = found.map(([id, value]) => ({ id, value, bumped: Math.abs(value.split("|")[0]), chosen: value[0] === "-" }));
  const victims = all.filter(({ chosen }) => chosen);
  await end(its, list, victims, now, "limit");
  return { full: word === "full", now, victims, others: all.filter(({ chosen }) => !chosen) };
}

async function changeList(its, list, op, ...args) {
  const text = randomBytes(16).toString("hex");
  const [word, echo, now, ...rest] =
    await once(() => run(its, "user", [`${its.prefix}USER:${list}`], [op, text, ...args]));
  if (String(echo) !== text) {
    its.redis.disconnect(true); // all further answers would be to other requests, too
    throw new Error("an answer to another request");
  }
  const found = [];
  for (let i = 0; i < rest.length; i += 2) found.push([String(rest[i]), String(rest[i + 1])]);
  return { word: String(word), now, found };
}

/** Takes sessions off a list, unless a login has put them there anew. */
async function forget(its, list, those) {
  if (those.length > 0) await changeList(its, list, "forget", ...those.flatMap(({ id, value }) => [id, value]));
}

/** Takes sessions off a list that do not count. True if there were any. */
async function weed(its, list, { others, now }) {
  const gone = { dead: [], missing: [] };
  for (const one of others) gone[(await fateOf(its, list, one, now, others)).fate]?.push(one);
  await end(its, list, gone.missing, now, "limit", "sweep"); // a request that still has it does not store it again
  await forget(its, list, gone.dead);
  return gone.dead.length + gone.missing.length > 0;
}

/** Ends sessions of a list, whichever request has them, and takes them off it. How many it has ended. */
async function end(its, list, those, now, reason, op = "del") {
  const over = [], stale = [];
  let count = 0;
  for (const one of those) {
    const key = its.prefix + one.id, mark = randomBytes(16).toString("hex"), old = Math.abs(now - one.bumped) >= LOGIN;
    // A place that is older than a login ends no session of nobody.
    const [reply] = await once(() => run(its, "write", [key, `${key}_STATE`, `${key}_LOCK`],
                                         [old && op === "del" ? "weed" : op, list, 1, "", mark, its.maxHold, reason]));
    const word = await withoutCopy(its, reply);
    if (word !== "dead") over.push(one.id, one.value);
    if (word === "ok") count++;
    if (word === "dead" && old && op !== "sweep") stale.push(one); // another user has it, or none; before, a login of this one may still be running
  }
  if (over.length > 0) await changeList(its, list, "end", ...over);
  await forget(its, list, stale);
  return count;
}

/** What has become of a listed session: lives, comes (its login may still be running), dead or missing. */
async function fateOf(its, list, { id, bumped }, now, others) {
  const key = its.prefix + id;
  const [ttl, state] = await once(() => Promise.all([send(its.redis, "PTTL", key),
                                                   send(its.redis, "GET", `${key}_STATE`)]));
  const parts = String(state ?? "").split("|"), fields = liveFields(state), young = Math.abs(now - bumped) < LOGIN;
  let fate = young ? "comes" : ttl === -2 ? "missing" : "dead";
  // The next id of a session that was just moved is on its way to the list.
  const moves = parts[1] === "regenerated" && Math.abs(now - parts[2]) < LOGIN
    && !others.some(({ value }) => value.split("|")[2] === id);
  if (parts[0] === "dead") fate = moves || (young && parts[2] <= bumped) ? "comes" : "dead"; // or a login under an old id
  else if (fields[4] && fields[4] <= now) fate = "dead";
  else if (ttl !== -2 && fields[7] === list) fate = "lives";
  else if (fields[7] === list && Number(fields[5]) + STORED >= bumped) fate = "missing"; // its login was stored
  return { fate, fields, ttl };
}

/** Deletes what a session that has ended had left under its earlier id, if the answer names it. */
async function withoutCopy(its, answer) {
  const word = String(answer);
  if (!word.startsWith("ok:")) return word;
  await send(its.redis, "DEL", `${its.prefix}${word.slice(3)}_OLD`);
  return "ok";
}

// Redis and HTTP

function load(folder) {
  const beside = new URL("./scripts/", import.meta.url);
  const base = folder ? pathToFileURL(`${folder}/`) : existsSync(beside) ? beside
                                                      : new URL("../../src/protocol/scripts/", import.meta.url);
  return Object.fromEntries(["acquire", "claim", "release", "read", "user", "write"].map((name) => {
    const text = readFileSync(new URL(`${name}.lua`, base));
    return [name, { text, sha: createHash("sha1").update(text).digest("hex") }];
  }));
}

function connect(url) {
  try {
    if (/^rediss?:\/\/[^/?#]*[/?#].*@/.test(url)) throw new Error(); // "@" behind the host
    return watch(new Redis(url, ONCE));
  } catch { // the error quotes the password
    throw new Error("the URL of Redis cannot be read: redis://user:password@host:port/0, special characters "
                    + "percent-encoded");
  }
}

/** After a refused SELECT, ioredis goes on in database 0. The failed commands throw all other errors. */
function watch(redis) {
  redis.on("connect", () => { redis.refused = null; });
  return redis.on("error", (error) => {
    if (error.command?.name !== "select") return;
    redis.refused = error.message;
    redis.disconnect(true);
  });
}

async function run({ redis, scripts }, name, keys, args) {
  const { text, sha } = scripts[name];
  try {
    return await send(redis, "EVALSHA", sha, keys.length, ...keys, ...args);
  } catch (error) {
    if (!error.message.startsWith("NOSCRIPT")) throw error;
    return send(redis, "EVAL", text, keys.length, ...keys, ...args);
  }
}

/**
 * Sends a command. The id and the data must not get into a log: the error of ioredis has the whole
 * command, and Redis quotes an unknown one, such as a renamed one.
 */
async function send(redis, ...command) {
  await closing(redis);
  let answered = false;
  // An answer that came while something blocked the event loop is read first.
  const late = setTimeout(() => setImmediate(() => answered || reset(redis)), TIMEOUT);
  try {
    return await redis.callBuffer(...command);
  } catch (error) {
    for (const name of ["command", "previousErrors", "lastNodeError"]) delete error[name];
    for (const name of ["message", "stack"]) error[name] = error[name]?.replace(/, with args beginning with.*/, "");
    throw redis.refused ? new Error(`the database of the URL: ${redis.refused}`) : error;
  } finally {
    answered = true;
    clearTimeout(late);
  }
}

/** A connection that is being left, after READONLY say, fails all that is sent before it is closed. */
async function closing({ stream }) {
  if (!stream || stream.writable || stream.closed) return;
  await new Promise((resolve) => {
    stream.once("close", resolve);
    setTimeout(resolve, TIMEOUT).unref();
  });
}

/** A reset ends the connection, so that bytes still on their way take no lock. */
function reset({ stream }) {
  try {
    stream.resetAndDestroy();
  } catch { /* TLS and Unix sockets have no reset */ }
  stream?.destroy();
}

function passes(error) {
  return error.name === "ReplyError" ? PASSING.test(error.message) : !(error instanceof LockBusy);
}

/** Releases the locks of requests that got no answer: a server that hung grants them later. */
async function tidy(its) {
  // The rest is for the next request: this one has a lock of its own, whose lease passes.
  const until = performance.now() + its.lease / 4;
  while (its.unanswered.length > 0 && performance.now() < until) {
    const [session, token] = its.unanswered.shift();
    session.token = token;
    try {
      await session.leave("none", "", 0);
    } catch {
      return;
    }
  }
}

/** An answer that may be asked for twice, where the first connection was a dead one. */
async function once(ask) {
  try {
    return await ask();
  } catch (error) {
    if (!passes(error)) throw error;
    return ask();
  }
}

/** The value without the lock, or null. */
async function peek(its, id) {
  const key = its.prefix + id;
  const [data, state] = await once(() => run(its, "read", [key, `${key}_STATE`], [its.ttl]));
  if (data === null) return copyOf(its, key, state);
  await stayListed(its, id, state);
  return data;
}

/** What a session with this state has left under its old id when PHP gave it a new one, or null. */
async function copyOf(its, key, state) {
  if (!String(state ?? "").startsWith("dead|regenerated|")) return null;
  const [copy, now] = await once(() => send(its.redis, "MGET", `${key}_OLD`, `${key}_STATE`));
  return String(now) === String(state) ? copy : null;
}

/** Returns true if the session has ended since it had this state, or moved to another id a moment ago. */
async function wasDestroyed(its, id, since, state) {
  if (id === null) return false;
  const [current, now] = await once(() => Promise.all([send(its.redis, "GET", `${its.prefix}${id}_STATE`),
                                                    send(its.redis, "TIME")]));
  if (hasDied(state, current === null ? null : String(current))) return true;
  const [word, reason, when] = String(current).split("|");
  if (word !== "dead" || reason !== "regenerated") return false; // a logout before that leaves the visitor without another cookie
  // A request may have been sent a while before it came. The clock of Redis may have been set back since.
  return Math.abs(now[0] * 1000 + now[1] / 1000 - when) < performance.now() - since + MOVED;
}

/** Returns true if the session that had the state `seen` has ended, by its present one. */
function hasDied(seen, now) {
  const created = (state) => /^live\|[^|]*\|/.exec(state)?.[0];
  if (now === null) return false;
  // A session lives on under another state, but not with another time of creation.
  if (created(now)) return created(seen) !== undefined && created(seen) !== created(now);
  return now !== seen;
}

/** `<id>\n<ms>\n<state>\n<0|1><data>`: at the first three newlines only. */
function split(ticket) {
  const parts = [];
  for (let i = 0; i < 3; i++) {
    const end = ticket.indexOf(0x0a);
    parts.push(ticket.subarray(0, end).toString());
    ticket = ticket.subarray(end + 1);
  }
  return [...parts, ticket];
}

/** The id as PHP finds it: in the first cookie of the name, percent-decoded. Null if that is none. */
function cookieOf(req, name) {
  let found;
  for (const pair of (req.headers.cookie ?? "").split(";")) {
    // PHP takes any other space for a part of the name.
    const [sent, ...rest] = pair.replace(/^[ \t\n\v\f\r]+/, "").split("="), value = rest.join("=");
    const array = /^([^[]*)\[[^]*\]/.exec(sent);
    const key = (array?.[1] ?? sent).replace(/[ .[]/g, "_"); // as PHP does
    // No change of a name gives it one of the prefixes that browsers protect.
    if (key !== name || !sent.startsWith(/^__(Host|Secure)-|/.exec(key)[0])) continue;
    if (array !== null) return null; // PHP makes an array of all cookies of the name
    found ??= value;
  }
  let id = "";
  try {
    id = decodeURIComponent(found ?? "");
  } catch { /* not an id */ }
  return /^[A-Za-z0-9,-]{1,256}$/.test(id) ? id : null;
}

/** `<token>|<ms>|<host>|<pid>|<sapi>|<uri>`, or whatever another client writes. */
function shown(holder) {
  return String(holder).replace(/^[ot]:[^|]*\|\d*\|/, "").slice(0, 200).replace(/[^\x20-\x7e]/g, "?");
}
