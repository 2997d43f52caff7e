<?php

/**
 * The additions of the extension phpsess_rs to PHP, for editors and static analysis. `make lint`
 * compares this file with the loaded module.
 *
 * The save handler: session.save_handler = rustredis
 * The serializer: session.serialize_handler = json
 *
 * The settings and their defaults; the README says what each means:
 *
 *   rustredis.username =
 *   rustredis.password =
 *   rustredis.locking = 1
 *   rustredis.lock_wait = 10
 *   rustredis.lock_lease = 10
 *   rustredis.lock_max_hold = 300
 *   rustredis.lock_max_waiters = 12
 *   rustredis.lock_mixed = 0
 *   rustredis.lock_failure = fail
 *   rustredis.lock_holder_uri = 0
 *   rustredis.slow_lock = 0
 *   rustredis.write_ack = wait
 *   rustredis.prefetch = 0
 *   rustredis.absolute_timeout = 0
 *   rustredis.touch = 1
 *   rustredis.regenerate_grace = 10
 *   rustredis.first_lifetime = 0
 *   rustredis.ended_memory = 0
 *   rustredis.connect_timeout = 2
 *   rustredis.read_timeout = 5
 *   rustredis.pool_size = 0
 *   rustredis.pool_wait = 5
 *   rustredis.prefix = PHPREDIS_SESSION:
 *   rustredis.max_value_size = 0
 *   rustredis.compression = none
 *   rustredis.compression_level = 0
 *   rustredis.compression_min_size = 1K
 *   rustredis.metrics_file =
 *   rustredis.json_objects = refuse
 *   rustredis.admin = 0
 */

namespace {
/**
 * The state of the save handler in this PHP process. The counters start at zero with the process.
 *
 * - version: of the extension
 * - pid: the process that answered
 * - starts: sessions started or read
 * - trips: round trips to Redis
 * - lock_waits: requests that had to wait for their turn
 * - refused_writes: writes refused, because the lock was lost, the session destroyed or the value too large
 * - reconnects: connections that broke and were replaced
 * - redirects: commands that a node of a Redis Cluster sent to another
 * - grace_reads: sessions read under the id that they had before session_regenerate_id()
 * - grace_refusals: changes that came under such an id, and were refused
 * - pools: one for each target (endpoint, user and database; no passwords): how many connections it may have, has
 *   open, and has lying idle
 * - clusters: one for each Redis Cluster: its seeds, how many masters it has, and how many of the 16384 slots they serve
 * - locks: the sessions locked by this process, their ids shortened, and for how long
 * - advice: what should be changed one day although all works, such as parameters of session.save_path without effect
 * - last: figures of the last session of this request that was closed or could not be read, for a trace, or null. The
 *   outcome is stored, unchanged, read (without a lock), ended, retired, refused, failed, timeout (rustredis.lock_wait) or
 *   full (rustredis.lock_max_waiters)
 * - slow_locks: of all processes of the host, the last 64 (rustredis.slow_lock), the newest at the end. `holder` tells who
 *   had the lock when the wait began
 * - needless_locks: of all processes of the host, the 20 pages that most often had a lock, changed nothing, and kept
 *   others waiting: they should use read_and_close
 *
 * @return array{
 *     version: string,
 *     pid: int,
 *     starts: int,
 *     trips: int,
 *     lock_waits: int,
 *     refused_writes: int,
 *     reconnects: int,
 *     redirects: int,
 *     grace_reads: int,
 *     grace_refusals: int,
 *     pools: list<array{target: string, size: int, open: int, idle: int}>,
 *     clusters: list<array{target: string, masters: int, slots: int}>,
 *     locks: list<array{session: string, held_ms: int}>,
 *     advice: list<string>,
 *     last: array{wait_ms: float, held_ms: float, trips: int, bytes: int, changed: bool, outcome: string, server: ?string}|null,
 *     slow_locks: list<array{at_ms: int, session: string, by: string, waited_ms: float, holder: ?string, given_up: bool,
 *         held_ms: float, kept_waiting: bool, changed: bool}>,
 *     needless_locks: list<array{script: string, times: int, held_ms: float, longest_ms: float}>
 * }
 */
function rustredis_status(): array {}

/**
 * The metrics of all PHP processes of this host, as OpenMetrics text for Prometheus: send it as
 * `application/openmetrics-text; version=1.0.0; charset=utf-8`. No label has an id, a URI or a secret.
 * On the command line it throws an exception if rustredis.metrics_file is set and cannot be used.
 */
function rustredis_metrics(): string {}

/**
 * The seconds that the server of session.save_path took to answer a write which leaves nothing, or null if it did not
 * answer or has refused it, so that no session could start: for readiness probes, on any SAPI. With
 * rustredis.lock_failure=readonly it is a read. With several servers, the longest; in a Cluster, one master is asked. It
 * uses a connection of the pool, and the usual rustredis.connect_timeout, read_timeout and pool_wait.
 */
function rustredis_ping(): ?float {}

/**
 * The life of the session that is open, without a trip to Redis; null if none is open with session.save_handler
 * rustredis. Times are in seconds since 1970.
 *
 * - created: when it began; null if that is not stored
 * - authenticated: when its user logged in
 * - expires: when it ends without another use; null with rustredis.touch=0, where this request does not know it
 * - ends: when it ends however it is used
 * - user: a digest of the name of its user, see rustredis_user()
 *
 * @return array{created: ?int, authenticated: ?int, expires: ?int, ends: ?int, user: ?string}|null
 */
function rustredis_session(): ?array {}

/**
 * How many seconds the session of the request's cookie has left, without starting or prolonging it, in one trip: until
 * it ends without another use, and until it ends however it is used (null: never). null if there is no such session.
 *
 * @return array{idle: int, absolute: ?int}|null
 */
function rustredis_time_left(): ?array {}

/**
 * Why the session that was started last had not been there: logout, regenerated, revoked, limit, absolute or idle. null
 * if it was there, or if its end is not known (any more).
 */
function rustredis_ended(): ?string {}

/**
 * Gives the open session lifetimes of its own, in seconds, for all pages: after the last use, and counted from its
 * beginning or the login. Without the second, its end stays; 0 takes the end away. Stored when the session is saved.
 * Returns false, with a warning, if no session is open that will be saved, or if it is older than that.
 */
function rustredis_session_lifetime(int $idle, ?int $absolute = null): bool {}

/**
 * For administrators, as are the following functions: on the command line, or with rustredis.admin=1. Each failure is a
 * SessionException.
 *
 * A page of about a thousand keys of all servers: the ids of the sessions or of the locked sessions, or the names of
 * the values that were set aside (kind `sessions`, `locks` or `asides`). The Redis user needs +scan. A name can come
 * more than once: among others, if a server was restarted since the page before, as its scan then begins anew (without
 * +info, that is noticed within a process only). `cursor` is that of the next page, or null; `total` comes with the
 * first page: the number of keys of any kind, or null if the user lacks +dbsize.
 *
 * @return array{names: list<string>, cursor: ?string, total: ?int}
 */
function rustredis_scan(?string $cursor = null, string $kind = "sessions"): array {}

/**
 * The report of each server about itself, as far as the Redis user may ask: the user and the prefix that are in use there,
 * the fields of INFO and the settings that matter for sessions (null if that is refused), the commands that are needed and
 * refused, those that would help (`missed`), those that the server does not have (`absent`; `unanswered`: info, config),
 * and if the prefix is refused. `error` says why a server cannot be asked at
 * all.
 *
 * @return list<array{node: string, user: string, prefix: string, cluster: bool, error: ?string, latency_us: list<int>, info: ?array<string, string>,
 *     config: ?array<string, string>, refused: list<string>, missed: list<string>,
 *     absent: list<string>, unanswered: list<string>, keys_refused: bool}>
 */
function rustredis_server(): array {}

/**
 * A session, or a value that was set aside (`ASIDE:...`), byte for byte as it is stored, with the times that it and its
 * state have left (null: for ever). null if there is none. Changes nothing.
 *
 * @return array{data: string, ttl_ms: ?int, state: ?string, state_ttl_ms: ?int}|null
 */
function rustredis_stored(string $name): ?array {}

/**
 * Stores a session byte for byte, without its lock, and puts it on the list of its user. Returns false if the session
 * exists, or has ended (by a logout, a revocation or a new id, for as long as Redis remembers that), unless it is to be
 * replaced. A living state that is there goes if there is no other one for the session, unless it is to be kept.
 */
function rustredis_store(string $id, string $data, ?int $ttl_ms = null, ?string $state = null, ?int $state_ttl_ms = null, bool $replace = false, bool $keep_state = false): bool {}

/** Deletes a value that was set aside (`ASIDE:...`). Returns false if there is none. */
function rustredis_forget(string $name): bool {}

/**
 * Takes the lock of a session from its holder, whose write will be refused, and gives it to the next in the queue.
 * Returns false if there was no lock.
 */
function rustredis_unlock(string $id): bool {}

/**
 * The lock of a session, or null if it is free: the holder in words and in parts as far as they are known, for how long
 * it has had the lock, the rest of its lease (null: for ever), and how many requests wait.
 *
 * @return array{holder: string, host: ?string, pid: ?int, sapi: ?string, uri: ?string, held_ms: ?int, ttl_ms: ?int,
 *     waiters: int}|null
 */
function rustredis_lock(string $id): ?array {}

/**
 * Logs a user in: makes the open session one of the user's from its next save on, and puts it on the list of their
 * sessions. Call it again to change the label. With a limit, either the session that was not used for the longest time
 * ends ("oldest"), or this login is refused ("refuse"): the function then returns false, and changes nothing.
 *
 * @param string $user the name of the user in the application; only a digest of it is stored
 * @param int $limit how many sessions the user may have; 0 = any number
 * @param 'oldest'|'refuse' $on_limit
 * @param string $label a text of the application for the list, such as the name of a device; at most 512 bytes
 * @throws RustRedis\SessionException if no session is open that will be saved, also because another login of the user, at
 *     the same moment, has ended this session for its limit, or if Redis fails
 */
function rustredis_user(string $user, int $limit = 0, string $on_limit = 'oldest', string $label = ''): bool {}

/**
 * The sessions of the open session's user, the open one first, then by their last use. Times are in seconds since 1970,
 * null if they are not known (of a login that is still running). The handle is for rustredis_revoke(), and gives no
 * access to the session.
 *
 * @param string|null $user another user: in the CLI, or with rustredis.admin=1
 * @return list<array{handle: string, created: ?int, authenticated: ?int, last_used: ?int, expires: ?int, label: string, current: bool}>
 * @throws RustRedis\SessionException if no session is open, the user is another one, or Redis fails
 */
function rustredis_user_sessions(?string $user = null): array {}

/**
 * Ends sessions of the open session's user, at once and also those of requests that are running: all, the one with this
 * handle, or all but the open one. Call session_destroy() after an end of the open one. Returns how many were ended.
 *
 * @param string|null $user another user: in the CLI, or with rustredis.admin=1
 * @throws RustRedis\SessionException if no session is open, the user is another one, or Redis fails
 */
function rustredis_revoke(?string $user = null, ?string $handle = null, bool $others_only = false): int {}
}

namespace RustRedis {
/**
 * Why a session could not be read or saved: thrown by SessionHandler, and by PHP's own \SessionHandler where a handler
 * class around it declares that it returns a string: false would become an empty session there. The message is that of
 * the warning that comes elsewhere.
 */
class SessionException extends \RuntimeException {}

/** Redis did not answer, or what it answered makes no sense. */
final class ConnectionException extends SessionException {}

/** Another request has the lock of the session. */
final class LockTimeoutException extends SessionException
{
    /**
     * Returns what is known of the holder; an empty array if the lock has just been handed on.
     *
     * @return array{host?: string, pid?: int, sapi?: string, held_ms?: int, uri?: string}
     */
    public function getHolder(): array {}
}

/** Redis said no: a right is missing, it takes no writes, or the like. */
final class RefusedException extends SessionException {}

/**
 * The lock was lost before the write, or was given back and others have changed the session since: what is stored stays.
 */
final class LockLostException extends SessionException {}

/** Another request has destroyed the session or moved it to a new id: it stays destroyed. */
final class SessionDestroyedException extends SessionException {}

/**
 * Sessions with the locks of the save handler, for applications that never call session_start(). Each failure is an
 * exception; docs/frameworks.md has more.
 */
final class SessionHandler implements \SessionHandlerInterface, \SessionIdInterface, \SessionUpdateTimestampHandlerInterface
{
    /**
     * @param ?string $savePath null is session.save_path
     * @param array<string, scalar> $options names of rustredis.* without the prefix, and `ttl` in seconds; the rest comes
     *     from php.ini
     */
    public function __construct(#[\SensitiveParameter] ?string $savePath = null, #[\SensitiveParameter] array $options = []) {}

    /** Does nothing, and takes no notice of its arguments. */
    public function open(string $path, string $name): bool {}

    /** Releases everything that this object holds. */
    public function close(): bool {}

    /** Locks and reads a session, '' if there is none. Never returns false. */
    public function read(string $id): string|false {}

    /** Writes a session and releases its lock. */
    public function write(string $id, string $data): bool {}

    public function destroy(string $id): bool {}

    /** Returns 0: Redis deletes expired sessions by itself. */
    public function gc(int $max_lifetime): int|false {}

    public function create_sid(): string {}

    /** Returns true if the session exists, which is then locked for the read that follows. */
    public function validateId(string $id): bool {}

    /** Keeps an unchanged session for another TTL, stores it again if it vanished, and releases its lock. */
    public function updateTimestamp(string $id, string $data): bool {}

    /**
     * Locks a session for the read that follows, with `locking` off, too.
     *
     * @param ?float $wait the longest wait in seconds; null is rustredis.lock_wait
     */
    public function lock(string $id, ?float $wait = null): void {}

    /** Does the same if the lock is free, and otherwise returns false at once. */
    public function tryLock(string $id): bool {}

    /** Releases a lock without a write, or with null everything that this object holds. */
    public function release(?string $id = null): void {}

    /** Returns true if this object has the lock, as far as it knows. */
    public function isLocked(string $id): bool {}

    /** Reads a session without its lock, and leaves its TTL as it is. */
    public function peek(string $id): ?string {}

    public function exists(string $id): bool {}
}

/** session.serialize_handler=json for any array, where there is no session_encode(). A failure is a SessionException. */
final class Json
{
    public static function encode(array $data): string {}

    public static function decode(string $text): array {}
}
}
