--TEST--
an unchanged session is touched and not written, whatever it is stored as and whatever the setting is now; one that vanished is stored again
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/frames.inc';

$values = ['text' => str_repeat('abc', 1000)];
foreach (['none', 'zstd', 'lz4'] as $before) {
    foreach (['none', 'zstd', 'lz4'] as $now) {
        ini_set('rustredis.compression', $before);
        $stored = write_session($id = new_id(), $values);
        redis()->expire(data_key($id), 5);
        ini_set('rustredis.compression', $now);
        $trips = trips(function () use ($id) {
            start($id);
            session_write_close();
        });
        same("$before, then $now", [2, $stored, true], [$trips, redis()->get(data_key($id)), redis()->ttl(data_key($id)) > 5]);
        start($id);
        redis()->del(data_key($id));
        session_write_close();
        same('stored again', $now === 'none' ? 'plain' : $now, format_of(redis()->get(data_key($id))));
        same('the same', $values, read_session($id));
    }
}
--EXPECT--
ok: none, then none
ok: stored again
ok: the same
ok: none, then zstd
ok: stored again
ok: the same
ok: none, then lz4
ok: stored again
ok: the same
ok: zstd, then none
ok: stored again
ok: the same
ok: zstd, then zstd
ok: stored again
ok: the same
ok: zstd, then lz4
ok: stored again
ok: the same
ok: lz4, then none
ok: stored again
ok: the same
ok: lz4, then zstd
ok: stored again
ok: the same
ok: lz4, then lz4
ok: stored again
ok: the same
