<?php

declare(strict_types=1);

require __DIR__ . '/../app.php';

only_post();
session_start();
$_SESSION = [];
session_destroy();
setcookie(session_name(), '', ['expires' => 1, 'path' => '/', 'httponly' => true, 'samesite' => 'Lax']);
redirect('/');
