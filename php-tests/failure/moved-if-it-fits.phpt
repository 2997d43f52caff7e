--TEST--
session_regenerate_id() keeps a session under its id that would not be stored: one byte over the limit, or no array
--EXTENSIONS--
igbinary
msgpack
--INI--
session.lazy_write=0
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

function moves(string $id, string $stored, mixed $values, bool $deletes, string $word): void
{
    start($id);
    $_SESSION = $values;
    $moved = null;
    $got = warnings_of(function () use (&$moved, $deletes): void {
        try {
            $moved = session_regenerate_id($deletes);
        } catch (ErrorException) {
        }
    });
    if (session_status() === PHP_SESSION_ACTIVE) {
        warnings_of(function (): void {
            try {
                session_write_close();
            } catch (ErrorException) {
            }
        });
    }
    if ($word === '') {
        same('moved', [[], true, null, false], [$got, $moved, redis()->get(data_key($id)), is_locked($id)]);
        same('all of it', true, start(session_id()) && $_SESSION === $values);
        session_abort();
    } else {
        same('not moved', [false, $stored, false], [(bool) $moved, redis()->get(data_key($id)), is_locked($id)]);
        ok('it is said', (bool) preg_grep("/$word/", $got), $got);
    }
}
$numbers = ['user' => 7, 'list' => range(100000, 100200), 'rows' => [['a' => true, 'b' => 1.5], ['a' => false, 'b' => null]]];
foreach (['php', 'php_serialize', 'php_binary', 'igbinary', 'msgpack', 'json'] as $serializer) {
    ini_set('session.serialize_handler', $serializer);
    start($id = new_id());
    $_SESSION = $numbers;
    $len = strlen(session_encode());
    session_abort();
    foreach ([$len => '', $len - 1 => 'max_value_size'] as $limit => $word) {
        foreach ([true, false] as $deletes) {
            start($id = new_id());
            $_SESSION['user'] = 7;
            session_write_close();
            ini_set('rustredis.max_value_size', $limit);
            echo "$serializer: ", $word ? 'one byte over the limit' : 'as large as the limit', $deletes ? '' : ', not deleted', "\n";
            moves($id, redis()->get(data_key($id)), $numbers, $deletes, $word);
            ini_restore('rustredis.max_value_size');
        }
    }
    foreach ([true, false] as $deletes) {
        start($id = new_id());
        $_SESSION['user'] = 7;
        session_write_close();
        echo "$serializer: an object", $deletes ? '' : ', not deleted', "\n";
        moves($id, redis()->get(data_key($id)), new ArrayObject($numbers), $deletes, 'rustredis: the session is not ');
    }
}
--EXPECT--
php: as large as the limit
ok: moved
ok: all of it
php: as large as the limit, not deleted
ok: moved
ok: all of it
php: one byte over the limit
ok: not moved
ok: it is said
php: one byte over the limit, not deleted
ok: not moved
ok: it is said
php: an object
ok: not moved
ok: it is said
php: an object, not deleted
ok: not moved
ok: it is said
php_serialize: as large as the limit
ok: moved
ok: all of it
php_serialize: as large as the limit, not deleted
ok: moved
ok: all of it
php_serialize: one byte over the limit
ok: not moved
ok: it is said
php_serialize: one byte over the limit, not deleted
ok: not moved
ok: it is said
php_serialize: an object
ok: not moved
ok: it is said
php_serialize: an object, not deleted
ok: not moved
ok: it is said
php_binary: as large as the limit
ok: moved
ok: all of it
php_binary: as large as the limit, not deleted
ok: moved
ok: all of it
php_binary: one byte over the limit
ok: not moved
ok: it is said
php_binary: one byte over the limit, not deleted
ok: not moved
ok: it is said
php_binary: an object
ok: not moved
ok: it is said
php_binary: an object, not deleted
ok: not moved
ok: it is said
igbinary: as large as the limit
ok: moved
ok: all of it
igbinary: as large as the limit, not deleted
ok: moved
ok: all of it
igbinary: one byte over the limit
ok: not moved
ok: it is said
igbinary: one byte over the limit, not deleted
ok: not moved
ok: it is said
igbinary: an object
ok: not moved
ok: it is said
igbinary: an object, not deleted
ok: not moved
ok: it is said
msgpack: as large as the limit
ok: moved
ok: all of it
msgpack: as large as the limit, not deleted
ok: moved
ok: all of it
msgpack: one byte over the limit
ok: not moved
ok: it is said
msgpack: one byte over the limit, not deleted
ok: not moved
ok: it is said
msgpack: an object
ok: not moved
ok: it is said
msgpack: an object, not deleted
ok: not moved
ok: it is said
json: as large as the limit
ok: moved
ok: all of it
json: as large as the limit, not deleted
ok: moved
ok: all of it
json: one byte over the limit
ok: not moved
ok: it is said
json: one byte over the limit, not deleted
ok: not moved
ok: it is said
json: an object
ok: not moved
ok: it is said
json: an object, not deleted
ok: not moved
ok: it is said
