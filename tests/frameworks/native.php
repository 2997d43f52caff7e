<?php
// A page without a framework, to compare the others with. HANDLER is the class of a save handler;
// without it php.ini has the handler.
declare(strict_types=1);

require __DIR__ . '/visit.php';

if (getenv('HANDLER')) {
    session_set_save_handler(new (getenv('HANDLER')));
}
if (!session_start()) {
    http_response_code(500);
    exit;
}
echo json_encode(carry_out(new NativeVisit()));
