<?php
// The page of the load test: a visitor's counter, and nothing else.
session_start() or exit(1);
$_SESSION['n'] = ($_SESSION['n'] ?? 0) + 1;
$_SESSION['text'] ??= str_repeat('0123456789abcdef', 61);
session_write_close();
echo $_SESSION['n'];
