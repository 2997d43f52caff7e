<?php
// Roundcube's framework, with `session_storage` = php: its session class on top of PHP's own session.
declare(strict_types=1);

define('RCUBE_INSTALL_PATH', getenv('APP_DIR') . '/');
define('RCUBE_CONFIG_DIR', getenv('PACKAGES') . '/etc/roundcube/');
define('RCUBE_PLUGINS_DIR', getenv('APP_DIR') . '/plugins/');
set_include_path(getenv('PACKAGES') . '/usr/share/roundcube/program/lib/' . PATH_SEPARATOR . get_include_path());
require 'Roundcube/bootstrap.php';
require __DIR__ . '/visit.php';

final class RoundcubeVisit extends NativeVisit
{
    public function __construct(private rcube $rcube)
    {
    }

    public function login(): void
    {
        $this->rcube->session->regenerate_id();
    }

    public function logout(): void
    {
        // As rcmail::kill_session() does. With `php` as its storage, kill() only deletes a cookie.
        $this->rcube->session->kill();
        $_SESSION = ['temp' => true];
    }
}

$rcube = rcube::get_instance();
$rcube->config->set('session_storage', 'php');
$rcube->session_init();
if (session_status() !== PHP_SESSION_ACTIVE) {
    http_response_code(500);
    exit;
}
$answer = carry_out(new RoundcubeVisit($rcube));
if (session_status() === PHP_SESSION_ACTIVE) {
    $rcube->session->write_close();
}
echo json_encode($answer);
