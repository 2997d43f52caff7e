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
 *   rustredis.write_ack = wait
 *   rustredis.prefetch = 0
 *   rustredis.connect_timeout = 2
 *   rustredis.read_timeout = 5
 *   rustredis.pool_size = 0
 *   rustredis.pool_wait = 5
 *   rustredis.prefix = PHPREDIS_SESSION:
 *   rustredis.max_value_size = 0
 *   rustredis.compression = none
 *   rustredis.compression_level = 0
 *   rustredis.compression_min_size = 1K
 *   rustredis.json_objects = refuse
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
 * - pools: one for each target (endpoint, user and database; no passwords): how many connections it may have, has
 *   open, and has lying idle
 * - clusters: one for each Redis Cluster: its seeds, how many masters it has, and how many of the 16384 slots they serve
 * - locks: the sessions locked by this process, their ids shortened, and for how long
 * - advice: what should be changed one day although all works, such as parameters of session.save_path without effect
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
 *     pools: list<array{target: string, size: int, open: int, idle: int}>,
 *     clusters: list<array{target: string, masters: int, slots: int}>,
 *     locks: list<array{session: string, held_ms: int}>,
 *     advice: list<string>
 * }
 */
function rustredis_status(): array {}
}

namespace RustRedis {
/**
 * Why a session could not be read, where a handler class around SessionHandler declares that it returns a string: false
 * would become an empty session there. The message is that of the warning that comes elsewhere.
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
}
