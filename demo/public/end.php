<?php

// Ends one of the user's other sessions. Its browser is logged out with its next request, to PHP or to Python.

declare(strict_types=1);

require __DIR__ . '/../app.php';

only_post();
session_start();
if (user() !== null) {
    rustredis_revoke(handle: (string) ($_POST['handle'] ?? ''));
}
redirect('/');
