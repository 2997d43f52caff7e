<?php
// THROWS=1 of php-tests/run, in front of every script: each message of PHP arrives as an exception, as under the error
// handlers of Symfony, Laravel and others.
set_error_handler(static function (int $level, string $message, string $file, int $line): bool {
    if (!(error_reporting() & $level)) {
        return false; // behind an @
    }
    throw new ErrorException($message, 0, $level, $file, $line);
});
