<?php

declare(strict_types=1);

require __DIR__ . '/../app.php';

only_post();
session_start();
if (!hash_equals('demo', (string) ($_POST['password'] ?? ''))) {
    redirect('/?wrong');
}
// A new id for a new privilege: who planted the old one gets nothing.
session_regenerate_id(true);
$_SESSION = ['user' => substr((string) ($_POST['user'] ?? ''), 0, 40), 'count' => 0, 'balance' => 20.0, 'seen' => []];
rustredis_user($_SESSION['user'], label: browser() . ', machine ' . machine());
redirect('/');
