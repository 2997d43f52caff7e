<?php

// Adds one to the counter, and keeps the session locked for a while if asked to: two of these at once must
// add two, whichever machines they meet.

declare(strict_types=1);

require __DIR__ . '/../app.php';

only_post();
session_start();
if (user() === null) {
    redirect('/');
}
$count = $_SESSION['count'];
usleep(1000 * min(5000, max(0, (int) ($_POST['hold_ms'] ?? 0))));
$_SESSION['count'] = $count + 1;
$_SESSION['seen'][machine()] = ($_SESSION['seen'][machine()] ?? 0) + 1;
redirect('/');
