<?php
// Slim, with PHP's own session, started by a middleware.
declare(strict_types=1);

require_once 'Slim/autoload.php';
require __DIR__ . '/visit.php';

$app = new Slim\App();
$app->add(function ($request, $response, $next) {
    if (!session_start()) {
        return $response->withStatus(500);
    }
    return $next($request, $response);
});
$app->get('/[{any:.*}]', fn ($request, $response) => $response->withJson(carry_out(new NativeVisit())));
$app->run();
