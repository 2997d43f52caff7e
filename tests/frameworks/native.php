<?php
// A page without a framework, to compare the others with.
declare(strict_types=1);

require __DIR__ . '/visit.php';

if (!session_start()) {
    http_response_code(500);
    exit;
}
echo json_encode(carry_out(new NativeVisit()));
